/** Bounds of a chunk; the same for both kinds, as restic has them. */
export const MIN_CHUNK_BYTES = 512 * 1_024;
export const MAX_CHUNK_BYTES = 8 * 1_024 * 1_024;

/** Fixed per repository: chunks cut by different kinds do not deduplicate against each other. */
export type ChunkerKind = 'gear' | 'rabin';

/** Finds where a file is cut, by its content. Stateless between chunks: a cut depends on nothing before it. */
export interface Chunker {
  readonly kind: ChunkerKind;
  /**
   * End (exclusive) of the chunk that begins at `start`, within `data[start, end)`. A caller hands in at least
   * MAX_CHUNK_BYTES, or all that is left of the file: then the rest may be the last, short chunk.
   */
  nextCut(data: Uint8Array, start: number, end: number): number;
}
