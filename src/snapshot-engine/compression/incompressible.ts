import { constants, zstdCompressSync } from 'node:zlib';

/** Smaller blobs are compressed outright: looking costs as much. */
const MIN_PROBED_BYTES = 64 * 1_024;
const SAMPLES = 4;
const SAMPLE_BYTES = 2_048;
/**
 * Chi-square of a sample against equal frequencies of all 256 bytes: random bytes have 255 with a deviation of 22.6,
 * text and code have thousands.
 */
const MAX_RANDOM_CHI_SQUARE = 255 + 8 * 23;
const PROBE_BYTES = 16 * 1_024;
const PROBE_LEVEL = { [constants.ZSTD_c_compressionLevel]: 1 };

/**
 * Whether zstd would find nothing: media, archives, ciphertext. First the bytes' frequencies at some places, which
 * clears nearly all compressible data for microseconds; where they look random, zstd itself on one piece, because
 * repeated or structured binary data can have equal frequencies too.
 */
export function looksIncompressible(data: Uint8Array): boolean {
  if (data.length < MIN_PROBED_BYTES) return false;
  const stride = Math.floor((data.length - SAMPLE_BYTES) / (SAMPLES - 1));
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    if (chiSquare(data, sample * stride) > MAX_RANDOM_CHI_SQUARE) return false;
  }
  const middle = (data.length - PROBE_BYTES) >>> 1;
  const piece = data.subarray(middle, middle + PROBE_BYTES);
  const options = { params: PROBE_LEVEL, pledgedSrcSize: PROBE_BYTES, chunkSize: 2 * PROBE_BYTES };
  return zstdCompressSync(piece, options).length >= PROBE_BYTES;
}

const counts = new Uint16Array(256);

function chiSquare(data: Uint8Array, start: number): number {
  counts.fill(0);
  for (let at = start; at < start + SAMPLE_BYTES; at += 1) counts[data[at]!]! += 1;
  let squares = 0;
  for (let byte = 0; byte < 256; byte += 1) squares += counts[byte]! * counts[byte]!;
  return (squares * 256) / SAMPLE_BYTES - SAMPLE_BYTES;
}
