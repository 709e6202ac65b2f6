import { zstdCompressSync } from 'node:zlib';
import { damaged } from '../errors/repository-error.js';
import { looksIncompressible } from './incompressible.js';
import { MAX_CONTEXT_BYTES, ZstdContext } from './zstd-context.js';
import { treeCompressionOptions } from './zstd-options.js';

/** The largest blob that is read or written: restic's chunks end at 8 MiB, a tree holds about 700,000 entries. */
export const MAX_BLOB_BYTES = 256 * 1_024 * 1_024;

/** Below this a frame's header eats what it saves. */
const MIN_COMPRESSIBLE_BYTES = 64;
/** Saving less than this part is not worth the time of every later reader. */
const MIN_SAVING = 1 / 64;

/** A zstd frame, or undefined when it does not pay. */
export function compressBlob(plaintext: Uint8Array): Buffer | undefined {
  const sizeBytes = plaintext.length;
  if (sizeBytes < MIN_COMPRESSIBLE_BYTES || looksIncompressible(plaintext)) return undefined;
  const frame = compress(plaintext);
  return isWorthwhile(frame, sizeBytes) ? frame : undefined;
}

/** Whether a frame is so much smaller than its content that it is stored. */
export function isWorthwhile(frame: Uint8Array, contentBytes: number): boolean {
  return frame.length <= contentBytes * (1 - MIN_SAVING);
}

/** A zstd frame whatever it saves. */
export function compress(plaintext: Uint8Array): Buffer {
  return threadContext().compress(plaintext);
}

/** The same of a tree. */
export function compressTree(tree: Uint8Array): Buffer {
  if (tree.length <= MAX_CONTEXT_BYTES) return compress(tree);
  return zstdCompressSync(tree, treeCompressionOptions(tree.length));
}

/** Exactly `expectedBytes`. Throws `damaged_repository` for anything else; never allocates more than that. */
export function decompressBlob(frame: Uint8Array, expectedBytes: number, subject: string): Buffer {
  if (!(expectedBytes > 0 && expectedBytes <= MAX_BLOB_BYTES)) {
    throw damaged(subject, 'the length of its content is impossible');
  }
  const plaintext = decompress(frame, expectedBytes, subject);
  if (plaintext.length !== expectedBytes) throw damaged(subject, 'its content is shorter than it says');
  return plaintext;
}

/** At most `maxBytes`; longer content is `damaged_repository`. */
export function decompress(frame: Uint8Array, maxBytes: number, subject: string): Buffer {
  try {
    return threadContext().decompress(frame, maxBytes);
  } catch (error) {
    throw damaged(subject, 'it cannot be decompressed', error);
  }
}

/** One for all blobs of a thread: each thread has its own instance of this module. */
let context: ZstdContext | undefined;

function threadContext(): ZstdContext {
  return (context ??= new ZstdContext());
}
