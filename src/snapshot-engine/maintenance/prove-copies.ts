import type { BlobIndex, BlobLocation } from '../blob-index/blob-index.js';
import { damaged, type RepositoryError } from '../errors/repository-error.js';
import type { BlobType, PackedBlob } from '../pack/packed-blob.js';
import { readBlob } from '../pack/read-blob.js';
import { damageOfPack } from '../repository/bad-packs.js';
import { inParallel } from '../repository/in-parallel.js';
import type { MaintainedRepository } from './maintained-repository.js';
import { RowBits } from './row-bits.js';

/** Blobs that are read at the same time. */
const READS_AT_ONCE = 16;

export interface CopiesToProve {
  readonly index: BlobIndex;
  /** Packs that are given up; those that no index names any more were judged when they were. */
  readonly leaving: Iterable<string>;
  readonly isUsed: (type: BlobType, id: string) => boolean;
  readonly stays: (packId: string) => boolean;
  /** Packs that this run has written itself: what is in them was read a moment ago. */
  readonly written: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * Before packs are given up because others hold the same blobs: reads those copies. That another pack has a blob is what
 * an index file says, and whoever wrote it may have been wrong, or lied: a host in hostile hands could otherwise have a
 * prune exchange the past of its workspace for garbage. Copies are rare, so this costs next to nothing. Rejects with
 * `damaged_repository` about a blob of which no copy that stays can be read.
 */
export async function proveCopies(repository: MaintainedRepository, task: CopiesToProve): Promise<void> {
  const { index, leaving, isUsed, stays } = task;
  const written = new Set(task.written);
  const seen = new RowBits();
  for (const packId of leaving) {
    const copied = (index.pack(packId)?.blobs() ?? [])
      .filter(({ type, id }) => isUsed(type, id) && seen.add(index.rowOf(type, id)))
      .map((blob) => ({
        blob,
        copies: index.findAll(blob.type, blob.id).filter((copy) => stays(copy.packId)),
      }))
      .filter(({ copies }) => !copies.some((copy) => written.has(copy.packId)));
    await inParallel(copied, READS_AT_ONCE, ({ blob, copies }) =>
      proveOne(repository, blob, copies, task.signal),
    );
  }
}

async function proveOne(
  { files, cipher }: MaintainedRepository,
  { type, id }: PackedBlob,
  copies: readonly BlobLocation[],
  signal: AbortSignal | undefined,
): Promise<void> {
  let failure: RepositoryError | undefined;
  for (const copy of copies) {
    try {
      const range = { offset: copy.offset, lengthBytes: copy.lengthBytes };
      readBlob(cipher, copy, await files.load('pack', copy.packId, { range, signal }));
      return;
    } catch (error) {
      failure = damageOfPack(copy.packId, error);
      if (failure === undefined) throw error;
    }
  }
  throw damaged(
    `${type} blob ${id}`,
    'none of the packs that would stay and are said to hold it does',
    failure,
  );
}
