import type { BlobIndex } from '../blob-index/blob-index.js';
import type { BlobType, PackedBlob } from '../pack/packed-blob.js';
import { PackWriter } from '../pack/pack-writer.js';
import { readBlob } from '../pack/read-blob.js';
import { inParallel } from '../repository/in-parallel.js';
import type { MaintainedRepository } from './maintained-repository.js';
import { packPieces } from './pack-blobs.js';
import { RowBits } from './row-bits.js';

/** Packs that are read at the same time. */
const PACKS_AT_ONCE = 4;

export interface RepackTask {
  /** Learns of the new packs. */
  readonly index: BlobIndex;
  readonly packIds: readonly string[];
  readonly isUsed: (type: BlobType, id: string) => boolean;
  /** Blobs that lie in such a pack too are not copied. */
  readonly stays: (packId: string) => boolean;
  readonly targetPackBytes: number;
  readonly signal?: AbortSignal;
}

/**
 * Copies the used blobs of some packs into new ones, and answers these once they are durable. Every blob is opened and
 * its hash compared first. Rejects with `damaged_repository` about a blob that cannot be read: nothing refers to the
 * new packs yet.
 */
export async function repack(repository: MaintainedRepository, task: RepackTask): Promise<string[]> {
  const { files, cipher } = repository;
  const { index, packIds, signal } = task;
  const writers: Readonly<Record<BlobType, PackWriter>> = {
    data: new PackWriter(cipher, task.targetPackBytes),
    tree: new PackWriter(cipher, task.targetPackBytes),
  };
  const copied = new RowBits();
  const newPacks = new Map<string, readonly PackedBlob[]>();

  await inParallel(packIds, PACKS_AT_ONCE, async (packId) => {
    const wanted = index
      .pack(packId)!
      .blobs()
      .filter((blob) => isWanted(task, copied, blob));
    for await (const piece of packPieces(files, packId, wanted, signal)) {
      for (const blob of piece.blobs) {
        const sealed = piece.sealed(blob)!;
        readBlob(cipher, blob, sealed);
        writers[blob.type].addSealed(blob, sealed);
        if (writers[blob.type].isFull) await finish(writers[blob.type]);
      }
    }
  });
  for (const writer of Object.values(writers)) if (writer.blobCount > 0) await finish(writer);
  for (const [id, blobs] of newPacks) index.add(id, blobs);
  return [...newPacks.keys()];

  async function finish(writer: PackWriter): Promise<void> {
    const { id, bytes, blobs } = writer.finish();
    await files.save('pack', id, bytes, { signal });
    newPacks.set(id, blobs);
    writer.recycle(bytes.buffer);
  }
}

/** Also remembers that somebody copies it now. */
function isWanted({ index, isUsed, stays }: RepackTask, copied: RowBits, { type, id }: PackedBlob): boolean {
  if (!isUsed(type, id)) return false;
  if (index.findAll(type, id).some(({ packId }) => stays(packId))) return false;
  return copied.add(index.rowOf(type, id));
}
