import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { damaged } from '../errors/repository-error.js';
import { compress, decompress } from './blob-compression.js';
import { isWholeFrame } from './zstd-frame.js';
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
  return frame === undefined ? asBuffer(bytes) : decompress(frame, maxContentBytes(frame), subject);
}

/** Like `decompressFile`, with a limit of the caller's; a large file does not hold the event loop. */
export async function decompressFileAsync(
  bytes: Uint8Array,
  subject: string,
  maxBytes = MAX_FILE_BYTES,
): Promise<Buffer> {
  const frame = frameOf(bytes, subject);
  if (frame === undefined) return asBuffer(bytes);
  // Node reads the first frame and is silent about the rest; other readers are not.
  if (!isWholeFrame(frame)) throw damaged(subject, 'it is more or less than one whole frame');
  const limitBytes = Math.min(maxContentBytes(frame), maxBytes);
  if (frame.length <= MAX_INLINE_BYTES) return decompress(frame, limitBytes, subject);
  try {
    return await decompressElsewhere(frame, decompressionOptions(limitBytes, frame.length));
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

/**
 * What the frame says of its content's length, which writers of files know, so that a snapshot of 300 bytes does not
 * take the memory of the largest index; MAX_FILE_BYTES when it says nothing. RFC 8878, section 3.1.1.1.
 */
function maxContentBytes(frame: Uint8Array): number {
  const descriptor = frame[FRAME_DESCRIPTOR_AT] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >>> 6;
  const sizeBytes = sizeFlag === 0 ? Number(isSingleSegment) : 1 << sizeFlag;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const at = FRAME_DESCRIPTOR_AT + 1 + Number(!isSingleSegment) + dictionaryBytes;
  // Six bytes are as much as can be read as a number.
  if (sizeBytes === 0 || at + sizeBytes > frame.length) return MAX_FILE_BYTES;
  const size = asBuffer(frame).readUIntLE(at, Math.min(sizeBytes, 6)) + (sizeFlag === 1 ? 256 : 0);
  return size === 0 ? MAX_FILE_BYTES : Math.min(size, MAX_FILE_BYTES);
}

const FRAME_DESCRIPTOR_AT = 4;
