import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { damaged } from '../errors/repository-error.js';
import { compress, decompress } from './blob-compression.js';
import { compressionOptions, decompressionOptions } from './zstd-options.js';

/** Of the JSON of a snapshot, index or lock. restic advises 8 MiB for an index, the largest of them. */
export const MAX_FILE_BYTES = 128 * 1_024 * 1_024;

/** Larger files are worked on by Node's thread pool: the main thread has no time for them. */
const MAX_INLINE_BYTES = 128 * 1_024;

/** First byte of the plaintext of a compressed file; JSON begins with `{` or `[` instead. */
const COMPRESSED = 2;
const OPENING_BRACE = 0x7b;
const OPENING_BRACKET = 0x5b;

const compressElsewhere = promisify(zstdCompress);
const decompressElsewhere = promisify(zstdDecompress);

/** What is sealed for a snapshot, index or lock in format 2: a byte 2 and a zstd frame. */
export async function compressFile(plaintext: Uint8Array): Promise<Buffer> {
  const frame =
    plaintext.length <= MAX_INLINE_BYTES
      ? compress(plaintext)
      : await compressElsewhere(plaintext, compressionOptions(plaintext.length));
  return Buffer.concat([Buffer.of(COMPRESSED), frame]);
}

/**
 * The JSON in an opened snapshot, index or lock, whichever way it was written.
 * Throws `damaged_repository` for what is neither JSON nor a whole frame of at most MAX_FILE_BYTES.
 */
export async function decompressFile(bytes: Uint8Array, subject: string): Promise<Buffer> {
  const first = bytes[0];
  if (first === OPENING_BRACE || first === OPENING_BRACKET) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  if (first !== COMPRESSED) throw damaged(subject, 'its encoding is unknown');
  const frame = bytes.subarray(1);
  if (frame.length <= MAX_INLINE_BYTES) return decompress(frame, MAX_FILE_BYTES, subject);
  try {
    return await decompressElsewhere(frame, decompressionOptions(MAX_FILE_BYTES));
  } catch (error) {
    throw damaged(subject, 'it cannot be decompressed', error);
  }
}
