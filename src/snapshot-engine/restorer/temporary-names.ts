import { createHash, randomBytes } from 'node:crypto';

const PREFIX = '.stowage-restore.';
const PATTERN = /^\.stowage-restore\.[0-9a-f]{24}$/;

/** The journal of a restore into a new directory: says of which snapshot it is, until it is whole. */
export const MARKER_NAME = '.stowage-restore';

/** Whether a name is one of the restore's own: never restored, removed when a crash has left it. */
export function isReservedName(name: string): boolean {
  return name === MARKER_NAME || PATTERN.test(name);
}

/** The same at every attempt: what an interrupted restore has written of a large file is found again. */
export function lastingTemporaryName(name: string): string {
  return PREFIX + createHash('sha256').update(name, 'latin1').digest('hex').slice(0, 24);
}

/** Names for files that are written in one go, different in each thread and each run. */
export class TemporaryNames {
  readonly #prefix = PREFIX + randomBytes(8).toString('hex');
  #count = 0;

  next(): string {
    this.#count = (this.#count + 1) % 2 ** 32;
    return this.#prefix + this.#count.toString(16).padStart(8, '0');
  }
}
