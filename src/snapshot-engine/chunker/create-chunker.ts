import type { Chunker, ChunkerKind } from './chunker.js';
import { GearChunker } from './gear-chunker.js';
import { parsePolynomial } from './polynomial.js';
import { RabinChunker } from './rabin-chunker.js';

/** What decides where a repository's files are cut. */
export interface ChunkerKeys {
  /** 32 bytes, for gear. */
  readonly secret: Uint8Array;
  /** As in the repository's config, for rabin. */
  readonly polynomial: string;
}

/** Throws `damaged_repository` for a polynomial that restic would not take either. */
export function createChunker(kind: ChunkerKind, { secret, polynomial }: ChunkerKeys): Chunker {
  switch (kind) {
    case 'gear':
      return new GearChunker(secret);
    case 'rabin':
      return new RabinChunker(parsePolynomial(polynomial, "The repository's config"));
  }
}
