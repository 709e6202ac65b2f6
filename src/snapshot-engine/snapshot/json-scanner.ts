/** The text is no JSON, or holds a value of another kind than asked for. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
}

/** Deeper values are refused; a writer of trees needs four levels. */
const MAX_DEPTH = 1_000;
/** A number of so few digits is exact as a JavaScript number. */
const EXACT_DIGITS = 15;
const MAX_UINT64 = 2n ** 64n - 1n;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Reads JSON from its bytes front to back, value by value, without building what the caller does not ask for. Unlike
 * JSON.parse it keeps 64-bit integers exact, needs no string of the whole text (which may be longer than a string can
 * be), and takes no memory for hostile input. Every method throws JsonSyntaxError.
 */
export class JsonScanner {
  readonly bytes: Buffer;
  /** Of the string read last, without its quotes. */
  stringStart = 0;
  stringEnd = 0;
  stringHasEscapes = false;
  stringIsAscii = true;

  #at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Position of the next byte; after a failure, about where it lies. */
  get offset(): number {
    return this.#at;
  }

  /** Enters an object, or reads `null`: `false`. Then `nextKey` until it says `false`. */
  openObject(): boolean {
    return this.#open(OPEN_OBJECT, 'an object');
  }

  /** Enters a list, or reads `null`: `false`. Then `nextItem` until it says `false`. */
  openList(): boolean {
    return this.#open(OPEN_LIST, 'a list');
  }

  /** Reads the next key, as a string, and its colon; or the end of the object. */
  nextKey(first: boolean): boolean {
    if (!this.#next(first, CLOSE_OBJECT)) return false;
    this.#checkedString();
    this.#expect(COLON, 'a colon');
    return true;
  }

  /** Stands before the next item, or reads the end of the list. */
  nextItem(first: boolean): boolean {
    return this.#next(first, CLOSE_LIST);
  }

  /** Whether a `null` came, which is read then. */
  readNull(): boolean {
    if (this.#peek() !== 0x6e) return false;
    this.#literal();
    return true;
  }

  /** Leaves a string in `stringStart`, `stringEnd`. */
  readString(): void {
    const { bytes } = this;
    this.#expect(QUOTE, 'a string');
    let at = this.#at;
    this.stringStart = at;
    let high = 0;
    let escapes = false;
    for (; ; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) break;
      if (byte === undefined || byte < 0x20) this.#fail(at, 'a string without an end');
      high |= byte;
      if (byte === BACKSLASH) {
        escapes = true;
        at += 1;
        // An escaped control character would be no escape, a missing one no end.
        if (!(bytes[at]! >= 0x20)) this.#fail(at, 'a broken escape');
      }
    }
    this.stringEnd = at;
    this.stringHasEscapes = escapes;
    this.stringIsAscii = high < 0x80;
    this.#at = at + 1;
  }

  /** The string read last. Bytes that are not UTF-8 are replaced, as Go does. */
  stringText(): string {
    const { bytes, stringStart, stringEnd } = this;
    const text = bytes.toString(this.stringIsAscii ? 'latin1' : 'utf8', stringStart, stringEnd);
    if (!this.stringHasEscapes) return text;
    try {
      return JSON.parse(`"${text}"`) as string;
    } catch {
      return this.#fail(stringStart, 'a broken escape');
    }
  }

  /** Whether the string read last is `key`, byte for byte. */
  stringIs(key: Uint8Array): boolean {
    const { bytes, stringStart } = this;
    if (this.stringEnd - stringStart !== key.length) return false;
    for (let i = 0; i < key.length; i++) {
      if (bytes[stringStart + i] !== key[i]) return false;
    }
    return true;
  }

  text(): string {
    this.readString();
    return this.stringText();
  }

  /** An integer from 0 to `max`, which must be a safe one. */
  unsigned(max: number): number {
    const start = this.#digits();
    if (this.#at - start > EXACT_DIGITS + 1) this.#fail(start, `a number above ${max}`);
    let value = 0;
    for (let at = start; at < this.#at; at++) value = value * 10 + (this.bytes[at]! - 0x30);
    if (value > max) this.#fail(start, `a number above ${max}`);
    return value;
  }

  /** An integer from 0 to 2^64 - 1. */
  unsigned64(): bigint {
    const start = this.#digits();
    const length = this.#at - start;
    if (length <= EXACT_DIGITS) {
      this.#at = start;
      return BigInt(this.unsigned(Number.MAX_SAFE_INTEGER));
    }
    // Never convert a million digits: the time grows with their square.
    const value = length > 20 ? MAX_UINT64 + 1n : BigInt(this.bytes.toString('latin1', start, this.#at));
    return value > MAX_UINT64 ? this.#fail(start, 'a number of more than 64 bits') : value;
  }

  /** Passes over any value; answers its bytes. */
  skipValue(): Buffer {
    this.#peek();
    const start = this.#at;
    const open: number[] = [];
    do {
      const byte = this.#peek();
      if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        if (open.length === MAX_DEPTH) this.#fail(this.#at, 'values nested too deep');
        open.push(byte === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_LIST);
        this.#at += 1;
        this.#enter(open, true);
        continue;
      }
      if (byte === QUOTE) this.#checkedString();
      else this.#literal();
      this.#enter(open, false);
    } while (open.length > 0);
    return this.bytes.subarray(start, this.#at);
  }

  /** Nothing but white space may follow. */
  end(): void {
    if (this.#peek() !== undefined) this.#fail(this.#at, 'something after the end');
  }

  /** Moves to the next value inside of what is open; closes what ends here. */
  #enter(open: number[], first: boolean): void {
    let isFirst = first;
    while (open.length > 0) {
      const close = open.at(-1)!;
      if (close === CLOSE_OBJECT ? this.nextKey(isFirst) : this.nextItem(isFirst)) return;
      open.pop();
      isFirst = false;
    }
  }

  /** A string whose text nobody will ask for. */
  #checkedString(): void {
    this.readString();
    if (this.stringHasEscapes) this.stringText();
  }

  #open(bracket: number, what: string): boolean {
    if (this.readNull()) return false;
    this.#expect(bracket, what);
    return true;
  }

  #next(first: boolean, close: number): boolean {
    const byte = this.#peek();
    if (byte === close) {
      this.#at += 1;
      return false;
    }
    if (!first) this.#expect(COMMA, 'a comma');
    return true;
  }

  #expect(byte: number, what: string): void {
    if (this.#peek() !== byte) this.#fail(this.#at, `no ${what.replace(/^an? /, '')}`);
    this.#at += 1;
  }

  /** The next byte that is no white space, not read. */
  #peek(): number | undefined {
    let byte = this.bytes[this.#at];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = this.bytes[++this.#at];
    return byte;
  }

  /** Reads digits; answers where they begin. */
  #digits(): number {
    this.#peek();
    const start = this.#at;
    let at = start;
    while (this.bytes[at]! >= 0x30 && this.bytes[at]! <= 0x39) at += 1;
    const next = this.bytes[at];
    const isWhole = next !== 0x2e && next !== 0x65 && next !== 0x45;
    if (at === start || !isWhole || (this.bytes[start] === 0x30 && at > start + 1)) {
      this.#fail(start, 'no whole number');
    }
    this.#at = at;
    return start;
  }

  /** A number, true, false or null. */
  #literal(): void {
    LITERAL.lastIndex = 0;
    const match = LITERAL.exec(this.bytes.toString('latin1', this.#at, this.#at + MAX_LITERAL));
    if (match === null) this.#fail(this.#at, 'no value');
    this.#at += match[0].length;
  }

  #fail(offset: number, what: string): never {
    throw new JsonSyntaxError(`${what} at byte ${offset}`);
  }
}

const LITERAL = /(?:null|true|false|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)(?![^\s,\]}])/y;
/** Longest number that is understood. */
const MAX_LITERAL = 400;
