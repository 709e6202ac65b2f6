/** One period of the deterministic bytes that large uploads carry and that the sink answers. */
export const PERIOD_BYTES = 1024 * 1024;

const period = pseudoRandom(PERIOD_BYTES);
// Twice, so that a slice of up to one period starts anywhere without wrapping.
const twice = Buffer.concat([period, period]);

/** The bytes `[offset, offset + length)` of the endless pattern; at most one period, shared memory. */
export function patternAt(offset: number, length: number): Buffer {
  const start = offset % PERIOD_BYTES;
  return twice.subarray(start, start + Math.min(length, PERIOD_BYTES));
}

/** Whether `chunk` is what the pattern holds from `offset` on. */
export function matchesPattern(chunk: Buffer, offset: number): boolean {
  for (let at = 0; at < chunk.length; at += PERIOD_BYTES) {
    const piece = chunk.subarray(at, at + PERIOD_BYTES);
    if (!piece.equals(patternAt(offset + at, piece.length))) return false;
  }
  return true;
}

/** Incompressible and the same in every process: xorshift32 with a fixed seed. */
function pseudoRandom(length: number): Buffer {
  const words = new Uint32Array(length / 4);
  let state = 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state >>> 0;
  }
  return Buffer.from(words.buffer);
}
