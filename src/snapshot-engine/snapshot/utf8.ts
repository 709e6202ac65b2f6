/** Stands for a byte that belongs to no character. */
export const INVALID = -1;

export interface Rune {
  /** The code point, or INVALID. */
  readonly rune: number;
  /** Bytes that it takes; 1 for an invalid byte. */
  readonly width: number;
}

const INVALID_BYTE: Rune = { rune: INVALID, width: 1 };

/**
 * The character at `at`, by the rules of Go's unicode/utf8: no overlong forms, no surrogates, nothing above U+10FFFF,
 * and of an ill-formed sequence only the first byte is passed over (decoders of the web take more).
 */
export function decodeRune(bytes: Uint8Array, at: number): Rune {
  const lead = bytes[at]!;
  if (lead < 0x80) return { rune: lead, width: 1 };
  const width = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
  if (width === 1 || at + width > bytes.length) return INVALID_BYTE;
  let rune = lead & (0x7f >> width);
  for (let i = 1; i < width; i++) {
    const byte = bytes[at + i]!;
    if ((byte & 0xc0) !== 0x80) return INVALID_BYTE;
    rune = (rune << 6) | (byte & 0x3f);
  }
  return isScalar(rune) && rune >= SMALLEST[width]! ? { rune, width } : INVALID_BYTE;
}

/** Smallest code point that needs so many bytes. */
const SMALLEST = [0, 0, 0x80, 0x800, 0x10000];

/** Whether UTF-8 can express the code point. */
export function isScalar(rune: number): boolean {
  return rune <= 0x10ffff && !(rune >= 0xd800 && rune <= 0xdfff);
}
