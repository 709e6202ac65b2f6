import { createHash } from 'node:crypto';

/** A short name for bytes of any size: comparing megabytes with a matcher takes minutes. */
export function fingerprint(bytes: Uint8Array): string {
  return `${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex')}`;
}
