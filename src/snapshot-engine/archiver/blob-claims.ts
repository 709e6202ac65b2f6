import type { BlobIndex } from '../blob-index/blob-index.js';
import type { FinishedPack } from '../pack/pack-writer.js';
import type { BlobType } from '../pack/packed-blob.js';
import { ASKED_DATA, ASKED_LENGTH, ASKED_TREE } from './turn.js';

/**
 * Answers which blobs are new, and gives each of them to the worker that asks first. A claim ends when the blob's pack
 * is stored and the index knows it.
 */
export class BlobClaims {
  readonly #index: BlobIndex;
  readonly #claimed = new Set<string>();

  constructor(index: BlobIndex) {
    this.#index = index;
  }

  /** One byte for each record of `asked`: 1 when the asking worker must store the blob. */
  claim(asked: string): Uint8Array {
    const needed = new Uint8Array(asked.length / ASKED_LENGTH);
    for (let i = 0; i < needed.length; i += 1) {
      const record = recordAt(asked, i);
      if (this.#isKnown(record)) continue;
      this.#claimed.add(record);
      needed[i] = 1;
    }
    return needed;
  }

  /** Whether every blob is stored or will be. */
  knowsAll(asked: string): boolean {
    for (let i = 0; i < asked.length / ASKED_LENGTH; i += 1)
      if (!this.#isKnown(recordAt(asked, i))) return false;
    return true;
  }

  /** The pack is durable. */
  settle({ id, blobs }: FinishedPack): void {
    this.#index.add(id, blobs);
    for (const blob of blobs)
      this.#claimed.delete((blob.type === 'tree' ? ASKED_TREE : ASKED_DATA) + blob.id);
  }

  #isKnown(record: string): boolean {
    const type: BlobType = record.startsWith(ASKED_TREE) ? 'tree' : 'data';
    return this.#claimed.has(record) || this.#index.has(type, record.slice(1));
  }
}

function recordAt(asked: string, i: number): string {
  return asked.slice(i * ASKED_LENGTH, (i + 1) * ASKED_LENGTH);
}
