import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 30 of 62 characters: 178 random bits. */
const RANDOM_CHARS = 30;
/** 62^6 > 2^32: room for every CRC32. */
const CHECKSUM_CHARS = 6;

/** A new random secret: `<prefix><30 base62><6 base62 of CRC32 over all before>`. */
export function newToken(prefix: string): string {
  const body = prefix + randomBase62(RANDOM_CHARS);
  return body + checksum(body);
}

/**
 * Whether the checksum at its end fits. It lets typing errors, cut-off copies and guesses be refused without asking the
 * database, and scanners of leaked secrets be sure of a find.
 */
export function hasChecksum(token: string): boolean {
  return token.endsWith(checksum(token.slice(0, -CHECKSUM_CHARS)));
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let position = 0; position < CHECKSUM_CHARS; position++) {
    digits = ALPHABET.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

/** Bytes of 248 and above are thrown away: a remainder of them would favour the first characters. */
function randomBase62(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < 248 && text.length < length) text += ALPHABET.charAt(byte % 62);
    }
  }
  return text;
}
