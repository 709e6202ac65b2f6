import { damaged } from '../errors/repository-error.js';
import { compress, decompress } from './blob-compression.js';

/** restic advises 8 MiB for an index, the largest file that is not a pack. */
export const MAX_FILE_BYTES = 128 * 1_024 * 1_024;

/** First byte of the plaintext of a compressed snapshot, index or lock; JSON begins with `{` or `[` instead. */
const COMPRESSED = 2;
const OPENING_BRACE = 0x7b;
const OPENING_BRACKET = 0x5b;

/** What is sealed for a snapshot, index or lock in format 2: a byte 2 and a zstd frame. */
export function compressFile(plaintext: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(COMPRESSED), compress(plaintext)]);
}

/** The JSON in an opened snapshot, index or lock, whichever way it was written; at most MAX_FILE_BYTES. */
export function decompressFile(bytes: Uint8Array, subject: string): Buffer {
  const first = bytes[0];
  if (first === COMPRESSED) return decompress(bytes.subarray(1), MAX_FILE_BYTES, subject);
  if (first === OPENING_BRACE || first === OPENING_BRACKET) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  throw damaged(subject, 'its encoding is unknown');
}
