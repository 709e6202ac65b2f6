import { createHash } from 'node:crypto';
import { expect } from '@jest/globals';

/** A short name for bytes of any size. */
export function fingerprint(bytes: Uint8Array): string {
  return `${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Megabytes compared in one go: a matcher takes minutes, and hashes are only needed when something differs. */
export function expectSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(actual, expected) === 0) return;
  expect(fingerprint(actual)).toBe(fingerprint(expected));
}
