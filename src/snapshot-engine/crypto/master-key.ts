import { randomBytes } from 'node:crypto';
import { damaged } from '../errors/repository-error.js';

/**
 * What a repository is sealed with. Every key file wraps the same one, so it cannot be changed without copying the
 * repository. The arrays own their memory: a MasterKey can be cloned to worker threads.
 */
export interface MasterKey {
  /** AES-256 key, 32 bytes. */
  readonly encryptionKey: Uint8Array;
  /** AES-128 key of Poly1305-AES, 16 bytes. */
  readonly macK: Uint8Array;
  /** Multiplier of Poly1305, 16 bytes, clamped. */
  readonly macR: Uint8Array;
}

export const ENCRYPTION_KEY_BYTES = 32;
export const MAC_KEY_BYTES = 16;

export function createMasterKey(): MasterKey {
  return masterKeyOf(randomBytes(ENCRYPTION_KEY_BYTES + 2 * MAC_KEY_BYTES));
}

/** From 64 bytes in the order of a key derivation: encryption key, k, r. */
export function masterKeyOf(bytes: Uint8Array): MasterKey {
  const endOfK = ENCRYPTION_KEY_BYTES + MAC_KEY_BYTES;
  return {
    encryptionKey: Uint8Array.from(bytes.subarray(0, ENCRYPTION_KEY_BYTES)),
    macK: Uint8Array.from(bytes.subarray(ENCRYPTION_KEY_BYTES, endOfK)),
    macR: clamped(bytes.subarray(endOfK, endOfK + MAC_KEY_BYTES)),
  };
}

/** The JSON that a key file seals: `{"mac":{"k","r"},"encrypt"}`, each base64. */
export function encodeMasterKey({ encryptionKey, macK, macR }: MasterKey): Buffer {
  return Buffer.from(
    JSON.stringify({ mac: { k: base64(macK), r: base64(macR) }, encrypt: base64(encryptionKey) }),
  );
}

/** Throws `damaged_repository` for anything but three keys of the right sizes, none of them zero. */
export function parseMasterKey(json: Uint8Array, subject: string): MasterKey {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(json).toString());
  } catch {
    // The parser's message would quote the keys.
    throw damaged(subject, 'its master key is not JSON');
  }
  const { mac, encrypt } = membersOf(parsed);
  const { k, r } = membersOf(mac);
  return {
    encryptionKey: keyBytes(encrypt, ENCRYPTION_KEY_BYTES, subject),
    macK: keyBytes(k, MAC_KEY_BYTES, subject),
    macR: clamped(keyBytes(r, MAC_KEY_BYTES, subject)),
  };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function keyBytes(value: unknown, sizeBytes: number, subject: string): Uint8Array {
  const bytes = typeof value === 'string' ? Uint8Array.from(Buffer.from(value, 'base64')) : new Uint8Array();
  if (bytes.length !== sizeBytes) throw damaged(subject, 'a part of its master key has the wrong size');
  if (bytes.every((byte) => byte === 0)) throw damaged(subject, 'a part of its master key is zero');
  return bytes;
}

/**
 * Poly1305 ignores 22 bits of r ("The Poly1305-AES message-authentication code", section 2): the top four bits of
 * bytes 3, 7, 11, 15 and the low two of bytes 4, 8, 12. Stored clear, as other programs do.
 */
function clamped(r: Uint8Array): Uint8Array {
  const cleared = Uint8Array.from(r);
  for (const at of [3, 7, 11, 15]) cleared[at]! &= 0x0f;
  for (const at of [4, 8, 12]) cleared[at]! &= 0xfc;
  return cleared;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
