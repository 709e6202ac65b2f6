import type { PackedBlob } from '../pack/packed-blob.js';
import type { RepositoryFiles } from '../repository/repository-files.js';

/** Neighbours whose gap is at most this are read in one request: a round trip costs as much as these bytes. */
const MAX_GAP_BYTES = 1_024 * 1_024;

/** Longest single read of a pack, unless one blob is longer. */
const MAX_READ_BYTES = 32 * 1_024 * 1_024;

/** A part of a pack and the blobs in it that were asked for, in the order in which they lie. */
export interface PackPiece {
  readonly blobs: readonly PackedBlob[];
  /** Sealed bytes of a blob that lies within the piece, asked for or not; `undefined` for others. */
  sealed(blob: PackedBlob): Buffer | undefined;
}

/** Reads some blobs of one pack with as few requests as is sensible, one after the other. StorageErrors of `load`. */
export async function* packPieces(
  files: RepositoryFiles,
  packId: string,
  blobs: readonly PackedBlob[],
  signal: AbortSignal | undefined,
): AsyncGenerator<PackPiece, void> {
  for (const run of runsOf(blobs)) {
    const { offset } = run[0]!;
    const lengthBytes = run.reduce((end, blob) => Math.max(end, endOf(blob)), 0) - offset;
    const bytes = await files.load('pack', packId, { range: { offset, lengthBytes }, signal });
    yield {
      blobs: run,
      sealed: (blob) =>
        blob.offset >= offset && endOf(blob) <= offset + bytes.length
          ? bytes.subarray(blob.offset - offset, endOf(blob) - offset)
          : undefined,
    };
  }
}

function* runsOf(blobs: readonly PackedBlob[]): Generator<PackedBlob[], void> {
  let run: PackedBlob[] = [];
  for (const blob of blobs.toSorted((left, right) => left.offset - right.offset)) {
    if (run.length > 0 && !joins(run, blob)) {
      yield run;
      run = [];
    }
    run.push(blob);
  }
  if (run.length > 0) yield run;
}

function joins(run: readonly PackedBlob[], blob: PackedBlob): boolean {
  const gapBytes = blob.offset - endOf(run.at(-1)!);
  return gapBytes <= MAX_GAP_BYTES && endOf(blob) - run[0]!.offset <= MAX_READ_BYTES;
}

function endOf({ offset, lengthBytes }: PackedBlob): number {
  return offset + lengthBytes;
}
