import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { damaged } from '../errors/repository-error.js';
import { compress, decompress } from './blob-compression.js';
import { compressionOptions, decompressionOptions } from './zstd-options.js';

/** Of the JSON of a snapshot, index or lock. restic advises 8 MiB for an index, the largest of them. */
export const MAX_FILE_BYTES = 128 * 1_024 * 1_024;

/** The main thread has no time for larger files: Node's thread pool works on them. */
const MAX_INLINE_BYTES = 128 * 1_024;

/** First byte of the plaintext of a compressed file; JSON begins with `{` or `[` instead. */
const COMPRESSED = 2;
const OPENING_BRACE = 0x7b;
const OPENING_BRACKET = 0x5b;

const compressElsewhere = promisify(zstdCompress);
const decompressElsewhere = promisify(zstdDecompress);

/** What is sealed for a snapshot, index or lock in format 2: a byte 2 and a zstd frame. */
export function compressFile(plaintext: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(COMPRESSED), compress(plaintext)]);
}

/** Like `compressFile`; a large file does not hold the event loop. */
export async function compressFileAsync(plaintext: Uint8Array): Promise<Buffer> {
  if (plaintext.length <= MAX_INLINE_BYTES) return compressFile(plaintext);
  const frame = await compressElsewhere(plaintext, compressionOptions(plaintext.length));
  return Buffer.concat([Buffer.of(COMPRESSED), frame]);
}

/**
 * The JSON in an opened snapshot, index or lock, whichever way it was written.
 * Throws `damaged_repository` for what is neither JSON nor a whole frame of at most MAX_FILE_BYTES.
 */
export function decompressFile(bytes: Uint8Array, subject: string): Buffer {
  const frame = frameOf(bytes, subject);
  return frame === undefined ? asBuffer(bytes) : decompress(frame, MAX_FILE_BYTES, subject);
}

/** Like `decompressFile`; a large file does not hold the event loop. */
export async function decompressFileAsync(bytes: Uint8Array, subject: string): Promise<Buffer> {
  const frame = frameOf(bytes, subject);
  if (frame === undefined || frame.length <= MAX_INLINE_BYTES) return decompressFile(bytes, subject);
  try {
    return await decompressElsewhere(frame, decompressionOptions(MAX_FILE_BYTES));
  } catch (error) {
    throw damaged(subject, 'it cannot be decompressed', error);
  }
}

/** The zstd frame; undefined when the bytes are JSON as they are. */
function frameOf(bytes: Uint8Array, subject: string): Uint8Array | undefined {
  const first = bytes[0];
  if (first === COMPRESSED) return bytes.subarray(1);
  if (first === OPENING_BRACE || first === OPENING_BRACKET) return undefined;
  throw damaged(subject, 'its encoding is unknown');
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
