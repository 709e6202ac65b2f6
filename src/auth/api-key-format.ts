import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** `session` keys live in the cookie of a browser; the others are given to programs and name their scope. */
export const KEY_KINDS = ['admin', 'user', 'agent', 'session'] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 30 of 62 characters: 178 random bits. */
const RANDOM_CHARS = 30;
/** 62^6 > 2^32: room for every CRC32. */
const CHECKSUM_CHARS = 6;
const PATTERN = /^stw_(admin|user|agent|session)_[0-9A-Za-z]{36}$/;
/** `stw_session_` and 36 characters. */
const MAX_KEY_CHARS = 48;

/** A new random API key: `stw_<kind>_<30 base62><6 base62 of CRC32 over all before>`. */
export function newApiKey(kind: KeyKind): string {
  const body = `stw_${kind}_${randomBase62(RANDOM_CHARS)}`;
  return body + checksum(body);
}

/**
 * The kind of a well-formed key, undefined for anything else. The checksum lets typing errors, cut-off copies and
 * guesses be refused without asking the database, and scanners of leaked secrets be sure of a find.
 */
export function kindOfKey(key: string): KeyKind | undefined {
  // The length first: nobody makes us match a megabyte.
  if (key.length > MAX_KEY_CHARS) return undefined;
  const kind = PATTERN.exec(key)?.[1] as KeyKind | undefined;
  return kind !== undefined && key.endsWith(checksum(key.slice(0, -CHECKSUM_CHARS))) ? kind : undefined;
}

/**
 * What is stored of a key, 32 bytes. Plain SHA-256: 178 random bits cannot be searched, so a slow hash would only
 * slow down the requests. Looking keys up by it also means that no comparison depends on the key itself.
 */
export function hashOfKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
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
