import { damaged } from '../errors/repository-error.js';

/** Values nested deeper than this in fields that we do not know are not JSON that restic would write. */
const MAX_DEPTH = 32;
const MAX_UINT32 = 0xffff_ffff;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const SPACE = 0x20;
const ZERO = 0x30;
const LETTER_N = 0x6e;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
/** Numbers, true, false, null: what may be skipped up to the next delimiter. */
const LITERAL = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)$/;
const MAX_LITERAL_BYTES = 400;

/**
 * Reads JSON from bytes piece by piece. JSON.parse would hold the event loop for as long as a whole index takes and
 * make every field of it an object first. Every method throws `damaged_repository` where the bytes are not what it
 * reads.
 */
export class JsonCursor {
  readonly #bytes: Buffer;
  readonly #subject: string;
  #at = 0;

  constructor(bytes: Buffer, subject: string) {
    this.#bytes = bytes;
    this.#subject = subject;
  }

  /** Keys of the object ahead; the caller reads or skips the value of each. */
  *keys(): Generator<string, void, void> {
    this.#take(OPEN_OBJECT);
    if (this.#takeIf(CLOSE_OBJECT)) return;
    do {
      const key = this.string();
      this.#take(COLON);
      yield key;
    } while (this.#takeIf(COMMA));
    this.#take(CLOSE_OBJECT);
  }

  /** Yields before each element of the array ahead; nothing for null, which Go writes for an empty one. */
  *elements(): Generator<void, void, void> {
    if (this.#peek() === LETTER_N) return this.skip();
    this.#take(OPEN_ARRAY);
    if (this.#takeIf(CLOSE_ARRAY)) return;
    do yield;
    while (this.#takeIf(COMMA));
    this.#take(CLOSE_ARRAY);
  }

  string(): string {
    this.#take(QUOTE);
    const start = this.#at;
    const bytes = this.#bytes;
    let at = start;
    let plain = true;
    for (; bytes[at] !== QUOTE; at += 1) {
      if (at >= bytes.length) throw this.error('it ends within a string');
      if (bytes[at]! < SPACE) throw this.error('it has a control character in a string');
      if (bytes[at] === BACKSLASH) {
        plain = false;
        at += 1;
      }
    }
    this.#at = at + 1;
    return plain ? bytes.toString('latin1', start, at) : this.#unescape(start - 1, at + 1);
  }

  /** A whole number of at most 32 bits. */
  uint32(): number {
    this.#skipSpace();
    const bytes = this.#bytes;
    const start = this.#at;
    let value = 0;
    for (let digit = bytes[this.#at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[this.#at]! - ZERO) {
      value = value * 10 + digit;
      if (value > MAX_UINT32) throw this.error('a number is too large');
      this.#at += 1;
    }
    const digits = this.#at - start;
    if (digits === 0 || (digits > 1 && bytes[start] === ZERO)) throw this.error('a number is missing');
    this.#endLiteral();
    return value;
  }

  /** Reads over one value of any kind. */
  skip(depth = 0): void {
    if (depth > MAX_DEPTH) throw this.error('it is nested too deeply');
    switch (this.#peek()) {
      case OPEN_OBJECT:
        for (const _ of this.keys()) this.skip(depth + 1);
        return;
      case OPEN_ARRAY:
        for (const _ of this.elements()) this.skip(depth + 1);
        return;
      case QUOTE:
        this.string();
        return;
      default:
        this.#skipLiteral();
    }
  }

  /** Nothing but white space may follow. */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#bytes.length) throw this.error('something follows its end');
  }

  error(what: string): Error {
    return damaged(this.#subject, what);
  }

  #unescape(start: number, end: number): string {
    try {
      return JSON.parse(this.#bytes.toString('utf8', start, end)) as string;
    } catch (error) {
      throw damaged(this.#subject, 'a string is not JSON', error);
    }
  }

  #skipLiteral(): void {
    const start = this.#at;
    while (this.#at < this.#bytes.length && !isDelimiter(this.#bytes[this.#at]!)) this.#at += 1;
    const sizeBytes = this.#at - start;
    const valid =
      sizeBytes <= MAX_LITERAL_BYTES && LITERAL.test(this.#bytes.toString('latin1', start, this.#at));
    if (!valid) throw this.error('it is not JSON');
  }

  #endLiteral(): void {
    if (this.#at < this.#bytes.length && !isDelimiter(this.#bytes[this.#at]!)) {
      throw this.error('a number is not a whole one');
    }
  }

  #peek(): number | undefined {
    this.#skipSpace();
    return this.#bytes[this.#at];
  }

  #take(byte: number): void {
    if (!this.#takeIf(byte)) throw this.error('it is not the JSON that it should be');
  }

  #takeIf(byte: number): boolean {
    const found = this.#peek() === byte;
    if (found) this.#at += 1;
    return found;
  }

  #skipSpace(): void {
    while (isSpace(this.#bytes[this.#at])) this.#at += 1;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isDelimiter(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || isSpace(byte);
}
