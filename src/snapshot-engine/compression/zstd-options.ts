import { constants, type ZstdOptions } from 'node:zlib';

/** As small as restic's "auto" (within 2 % on code, text and media) in three quarters of the time of level 3. */
export const ZSTD_PARAMS = { [constants.ZSTD_c_compressionLevel]: 2 };

/** Makes of the JSON of trees no more than levels 2 and 3 do, in a third of the time where they are large. */
const TREE_PARAMS = { [constants.ZSTD_c_compressionLevel]: 1 };

/** More than zstd's worst case over its input, for small blobs. */
const FRAME_SLACK_BYTES = 1_024;
/** Output is allocated in one piece up to here, or so many times the frame, and grows beyond: a lying length is cheap. */
const MAX_OUTPUT_PIECE_BYTES = 8 * 1_024 * 1_024;
const MAX_OUTPUT_PIECE_RATIO = 16;
/** What zlib takes at least. */
const MIN_OUTPUT_PIECE_BYTES = 64;

/** For a frame that says how long its content is, made in one allocation. */
export function compressionOptions(plaintextBytes: number): ZstdOptions {
  const worstBytes = plaintextBytes + (plaintextBytes >>> 8) + FRAME_SLACK_BYTES;
  return { params: ZSTD_PARAMS, pledgedSrcSize: plaintextBytes, chunkSize: worstBytes };
}

/** As `compressionOptions`, for a tree. */
export function treeCompressionOptions(treeBytes: number): ZstdOptions {
  return { ...compressionOptions(treeBytes), params: TREE_PARAMS };
}

/** For a frame whose content must not be longer than `maxBytes`. */
export function decompressionOptions(maxBytes: number, frameBytes: number): ZstdOptions {
  const pieceBytes = Math.max(MAX_OUTPUT_PIECE_BYTES, frameBytes * MAX_OUTPUT_PIECE_RATIO);
  const chunkSize = Math.max(MIN_OUTPUT_PIECE_BYTES, Math.min(maxBytes, pieceBytes));
  return { chunkSize, maxOutputLength: maxBytes };
}
