/** Words of 32 bits in a SHA-256. */
export const ID_WORDS = 8;

const ID_BYTES = 32;
const HEX_DIGITS = 64;
const NOT_HEX = 255;

const digitValues = new Uint8Array(128).fill(NOT_HEX);
for (const [value, digit] of [...'0123456789abcdef'].entries()) digitValues[digit.charCodeAt(0)] = value;

/** An id in binary, reused from call to call: its words are read before the next id is parsed. */
export class IdScratch {
  readonly words = new Uint32Array(ID_WORDS);
  readonly #bytes = Buffer.from(this.words.buffer);

  /** Whether `hex` is an id: 64 lower-case hex digits. `words` is undefined otherwise. */
  parse(hex: string): boolean {
    if (hex.length !== HEX_DIGITS) return false;
    const bytes = this.#bytes;
    let seen = 0;
    for (let at = 0; at < ID_BYTES; at += 1) {
      const high = digitValues[hex.charCodeAt(2 * at)] ?? NOT_HEX;
      const low = digitValues[hex.charCodeAt(2 * at + 1)] ?? NOT_HEX;
      seen |= high | low;
      bytes[at] = (high << 4) | low;
    }
    return seen < 16;
  }

  /** The id that begins at a word of `words`, in hex. */
  format(words: Uint32Array, start: number): string {
    for (let at = 0; at < ID_WORDS; at += 1) this.words[at] = words[start + at]!;
    return this.#bytes.toString('hex');
  }
}
