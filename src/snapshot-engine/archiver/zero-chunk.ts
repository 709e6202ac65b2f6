import { hash } from 'node:crypto';
import { MAX_CHUNK_BYTES, type Chunker } from '../chunker/chunker.js';

/** What the chunker makes of zeros: holes consist of this chunk and need not be read. */
export class ZeroChunk {
  readonly #chunker: Chunker;
  #chunk: { readonly plaintext: Buffer; readonly id: string } | undefined;

  constructor(chunker: Chunker) {
    this.#chunker = chunker;
  }

  /** Where it would be cut depends on nothing behind the cut, so that it is the same in every longer hole. */
  get(): { readonly plaintext: Buffer; readonly id: string } {
    this.#chunk ??= this.#make();
    return this.#chunk;
  }

  #make() {
    const zeros = Buffer.alloc(MAX_CHUNK_BYTES);
    const plaintext = Buffer.alloc(this.#chunker.nextCut(zeros, 0, zeros.length));
    return { plaintext, id: hash('sha256', plaintext, 'hex') };
  }
}
