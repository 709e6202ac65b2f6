import { isSha256Hex } from '../crypto/sha256-hex.js';
import { damaged } from '../errors/repository-error.js';
import { parseTime } from './go-time.js';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Values of a JSON object by key and kind. What is missing or null is `undefined`; another kind is damage. */
export class SnapshotFields {
  readonly #values: JsonObject;
  readonly #subject: string;

  constructor(values: JsonObject, subject: string) {
    this.#values = values;
    this.#subject = subject;
  }

  required<T>(key: string, value: T | undefined): T {
    if (value === undefined) throw damaged(this.#subject, `it has no ${key}`);
    return value;
  }

  text(key: string): string | undefined {
    return this.#pick(key, (value) => (typeof value === 'string' ? value : undefined));
  }

  id(key: string): string | undefined {
    return this.#pick(key, (value) => (typeof value === 'string' && isSha256Hex(value) ? value : undefined));
  }

  texts(key: string): readonly string[] | undefined {
    return this.#pick(key, (value) =>
      Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined,
    );
  }

  /** Nanoseconds since the epoch. */
  time(key: string): bigint | undefined {
    return this.#pick(key, (value) =>
      typeof value === 'string' ? parseTime(Buffer.from(value)) : undefined,
    );
  }

  /** A number that counts; above 2^53 it is near the truth. */
  count(key: string): number | undefined {
    return this.#pick(key, (value) =>
      Number.isInteger(value) && Number(value) >= 0 ? Number(value) : undefined,
    );
  }

  object(key: string): SnapshotFields | undefined {
    const value = this.#pick(key, (found) => (isObject(found) ? found : undefined));
    return value && new SnapshotFields(value, this.#subject);
  }

  #pick<T>(key: string, read: (value: unknown) => T | undefined): T | undefined {
    const value = Object.hasOwn(this.#values, key) ? this.#values[key] : undefined;
    if (value === undefined || value === null) return undefined;
    const found = read(value);
    if (found === undefined) throw damaged(this.#subject, `its ${key} is not what it must be`);
    return found;
  }
}
