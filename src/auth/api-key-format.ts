import { createHash } from 'node:crypto';
import { hasChecksum, newToken } from './token-text.js';

/** `session` keys live in the cookie of a browser; the others are given to programs and name their scope. */
export const KEY_KINDS = ['admin', 'user', 'agent', 'session'] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

const PATTERN = /^stw_(admin|user|agent|session)_[0-9A-Za-z]{36}$/;
/** `stw_session_` and 36 characters. */
const MAX_KEY_CHARS = 48;

/** A new random API key: `stw_<kind>_<30 base62><6 base62 of CRC32 over all before>`. */
export function newApiKey(kind: KeyKind): string {
  return newToken(`stw_${kind}_`);
}

/** The kind of a well-formed key, undefined for anything else. */
export function kindOfKey(key: string): KeyKind | undefined {
  // The length first: nobody makes us match a megabyte.
  if (key.length > MAX_KEY_CHARS) return undefined;
  const kind = PATTERN.exec(key)?.[1] as KeyKind | undefined;
  return kind !== undefined && hasChecksum(key) ? kind : undefined;
}

/**
 * What is stored of a key, 32 bytes. Plain SHA-256: 178 random bits cannot be searched, so a slow hash would only
 * slow down the requests. Looking keys up by it also means that no comparison depends on the key itself.
 */
export function hashOfKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
