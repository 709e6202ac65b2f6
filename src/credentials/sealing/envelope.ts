import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/*
 * A sealed value is the base64 text of
 *   "v1" | kekId (4 bytes) | dekId (16 bytes) | nonce (12 bytes) | ciphertext | tag (16 bytes)
 * AES-256-GCM; the additional data binds it to purpose | installation | user | row | field | version, so a value
 * that was moved to another place, user or time does not open. The ids in front only say which key to take.
 */

/** Where a value belongs. The same words must be given to open it. */
export interface SealedPlace {
  /**
   * `cfg` for settings, `dek` for a wrapped data key, `chk` for the key-check value, `repo` for a repository's password,
   * `hook` for a webhook's secret.
   */
  readonly purpose: 'cfg' | 'dek' | 'chk' | 'repo' | 'hook';
  readonly installationId: string;
  readonly userId: number;
  readonly rowId: number | string;
  readonly field: string;
  readonly version: number;
}

export interface EnvelopeKeyIds {
  /** Master key of the day it was sealed, 8 hex digits. */
  readonly kekId: string;
  /** Data key, a UUID. */
  readonly dekId: string;
}

/** One error for every reason, so that nobody learns how close a forgery came. */
export class EnvelopeError extends Error {
  constructor() {
    super('The sealed value cannot be decrypted.');
    this.name = 'EnvelopeError';
  }
}

/** @param key 32 bytes */
export function sealEnvelope(
  key: Uint8Array,
  ids: EnvelopeKeyIds,
  place: SealedPlace,
  plaintext: Uint8Array,
): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce);
  cipher.setAAD(additionalData(place));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([header(ids), nonce, ciphertext, cipher.getAuthTag()]).toString('base64');
}

/** @throws EnvelopeError when the text was changed, moved or sealed with another key */
export function openEnvelope(key: Uint8Array, text: string, place: SealedPlace): Buffer {
  const bytes = decode(text);
  const nonce = bytes.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
  const ciphertext = bytes.subarray(HEADER_BYTES + NONCE_BYTES, bytes.length - TAG_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(additionalData(place));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    throw new EnvelopeError();
  }
}

/** @throws EnvelopeError when the text is no envelope */
export function envelopeKeyIds(text: string): EnvelopeKeyIds {
  const bytes = decode(text);
  const hex = bytes.subarray(KEK_ID_START, HEADER_BYTES).toString('hex');
  const dek = hex.slice(8);
  return {
    kekId: hex.slice(0, 8),
    dekId: [dek.slice(0, 8), dek.slice(8, 12), dek.slice(12, 16), dek.slice(16, 20), dek.slice(20)].join('-'),
  };
}

/** The same sealed value under the name of another master key: after its data key was wrapped anew. */
export function relabelEnvelope(text: string, kekId: string): string {
  const bytes = decode(text);
  Buffer.from(kekId, 'hex').copy(bytes, KEK_ID_START);
  return bytes.toString('base64');
}

const ALGORITHM = 'aes-256-gcm';
const FORMAT = Buffer.from('v1', 'ascii');
const KEK_ID_START = FORMAT.length;
const HEADER_BYTES = FORMAT.length + 4 + 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

function header(ids: EnvelopeKeyIds): Buffer {
  const bytes = Buffer.concat([
    FORMAT,
    Buffer.from(ids.kekId, 'hex'),
    Buffer.from(ids.dekId.replaceAll('-', ''), 'hex'),
  ]);
  if (bytes.length !== HEADER_BYTES) throw new TypeError('kekId must be 8 hex digits and dekId a UUID');
  return bytes;
}

/** No part may contain the separator, so two places never give the same bytes. */
function additionalData(place: SealedPlace): Buffer {
  const parts = [
    place.purpose,
    place.installationId,
    place.userId,
    place.rowId,
    place.field,
    place.version,
  ].map(String);
  if (parts.some((part) => part === '' || part.includes('|')))
    throw new TypeError('a sealed place has a bad part');
  return Buffer.from(parts.join('|'), 'utf8');
}

function decode(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  // Buffer.from forgives; only the one canonical spelling of the bytes is an envelope.
  const canonical = bytes.toString('base64') === text;
  const longEnough = bytes.length >= HEADER_BYTES + NONCE_BYTES + TAG_BYTES;
  if (!canonical || !longEnough || !bytes.subarray(0, FORMAT.length).equals(FORMAT))
    throw new EnvelopeError();
  return bytes;
}
