import { createHash } from 'node:crypto';
import { contentBytesOf } from './fetch-plan.js';
import type { BlobLocation } from './restore-source.js';

/** Zeros compress at least this well; only such blobs are worth the look. */
const MIN_RATIO = 200;
/** Chunks of zeros come in one or two lengths per repository; more are not looked for. */
const MAX_LENGTHS = 16;
const PIECE = Buffer.alloc(1_024 * 1_024);

/**
 * Knows blobs of nothing but zeros by their id, without fetching them: chunks of a hole all have the same one.
 */
export class ZeroBlobs {
  readonly #ids = new Map<number, string>();

  has(blob: BlobLocation): boolean {
    const lengthBytes = contentBytesOf(blob);
    if (lengthBytes < blob.lengthBytes * MIN_RATIO) return false;
    return this.#idOf(lengthBytes) === blob.id;
  }

  #idOf(lengthBytes: number): string | undefined {
    const known = this.#ids.get(lengthBytes);
    if (known !== undefined || this.#ids.size >= MAX_LENGTHS) return known;
    const hash = createHash('sha256');
    for (let rest = lengthBytes; rest > 0; rest -= PIECE.length) {
      hash.update(rest < PIECE.length ? PIECE.subarray(0, rest) : PIECE);
    }
    const id = hash.digest('hex');
    this.#ids.set(lengthBytes, id);
    return id;
  }
}
