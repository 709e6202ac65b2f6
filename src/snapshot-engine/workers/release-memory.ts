/** Smaller buffers may lie in a pool of Node's, and the collector gets along with them. */
const MIN_RELEASED_BYTES = 128 * 1_024;

/**
 * Gives the memory of a large temporary buffer back at once; `bytes` is empty afterwards. Left to the garbage
 * collector, buffers of a megabyte for every blob would make it run all the time and the process grow in between.
 * For the owner of the bytes when nobody else has a view of them.
 */
export function releaseMemory({ buffer, byteLength }: Uint8Array): void {
  if (byteLength < MIN_RELEASED_BYTES || !(buffer instanceof ArrayBuffer)) return;
  buffer.transfer(0);
}
