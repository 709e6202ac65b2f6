/*
 * RFC 8878: magic number; descriptor (bits 7-6: size of the content size, 5: single segment, 3: reserved, 2: checksum,
 * 1-0: size of the dictionary id); window unless single segment; dictionary id; content size; blocks, each with a
 * header of three bytes (bit 0: last, 2-1: kind, rest: size); checksum.
 */
const MAGIC = 0xfd2fb528;
const MIN_FRAME_BYTES = 6;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
/** A block of this kind is one byte, to be repeated. */
const RUN_BLOCK = 1;
const RESERVED_BLOCK = 3;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];

/**
 * Whether the bytes are exactly one frame from its magic number to its end. What lies in the blocks is not looked at:
 * after such a frame a decoder stands at a beginning again, or it has failed.
 */
export function isWholeFrame(bytes: Uint8Array): boolean {
  if (bytes.length < MIN_FRAME_BYTES || uint32(bytes, 0) !== MAGIC) return false;
  const descriptor = bytes[4]!;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >>> 6;
  const contentSizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[sizeFlag]!;
  const windowBytes = isSingleSegment ? 0 : 1;
  let at = 5 + windowBytes + DICTIONARY_ID_BYTES[descriptor & 3]! + contentSizeBytes;
  for (let isLast = false; !isLast;) {
    if (at + BLOCK_HEADER_BYTES > bytes.length) return false;
    const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    const kind = (header >>> 1) & 3;
    if (kind === RESERVED_BLOCK) return false;
    isLast = (header & 1) === 1;
    at += BLOCK_HEADER_BYTES + (kind === RUN_BLOCK ? 1 : header >>> 3);
  }
  return at + ((descriptor & 4) !== 0 ? CHECKSUM_BYTES : 0) === bytes.length;
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
