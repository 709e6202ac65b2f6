import type { Chunker, ChunkerKind } from './chunker.js';
import { GearChunker } from './gear-chunker.js';
import type { Polynomial } from './polynomial.js';
import { RabinChunker } from './rabin-chunker.js';

/** What decides where a repository's files are cut. */
export interface ChunkerKeys {
  /** 32 bytes, for gear. */
  readonly secret: Uint8Array;
  /** Irreducible, of degree 53, as the repository's config has it; for rabin. */
  readonly polynomial: Polynomial;
}

/** Every thread makes its own; the same keys make the same cuts. */
export function createChunker(kind: ChunkerKind, { secret, polynomial }: ChunkerKeys): Chunker {
  switch (kind) {
    case 'gear':
      return new GearChunker(secret);
    case 'rabin':
      return new RabinChunker(polynomial);
  }
}
