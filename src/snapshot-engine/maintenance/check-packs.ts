import type { BlobIndex, IndexedPack } from '../blob-index/blob-index.js';
import { LoopPacer } from '../blob-index/loop-pacer.js';
import type { PackedBlob } from '../pack/packed-blob.js';
import type { RepositoryFileInfo } from '../repository/repository-files.js';
import { error, warning, type CheckListener } from './check-problem.js';
import { packBytes } from './pack-usage.js';

/**
 * Compares the index with the list of packs: each pack is there, is as long as its blobs and its header, and its blobs
 * lie one behind the other from its beginning; packs without an index are wasted or belong to a run that ended early.
 */
export async function checkPacks(
  index: BlobIndex,
  packs: ReadonlyMap<string, RepositoryFileInfo>,
  isDoomed: (packId: string) => boolean,
  onProblem: CheckListener,
): Promise<void> {
  const pacer = new LoopPacer();
  for (const pack of index.packs()) {
    if (pacer.isDue) await pacer.rest();
    checkPack(pack, packs.get(pack.id), onProblem);
  }
  for (const { id } of packs.values()) {
    if (index.hasPack(id) || isDoomed(id)) continue;
    onProblem(
      warning('pack_not_indexed', `pack ${id}`, `No index names pack ${id}; a prune will remove it.`),
    );
  }
}

/** The same for one pack; `info`: as it is listed. */
export function checkPack(
  pack: IndexedPack,
  info: RepositoryFileInfo | undefined,
  onProblem: CheckListener,
): void {
  const subject = `pack ${pack.id}`;
  const blobs = pack.blobs().sort((left, right) => left.offset - right.offset);
  if (info === undefined) {
    onProblem(
      error('pack_missing', subject, `Pack ${pack.id} is missing with ${blobs.length} blobs.`, blobs),
    );
    return;
  }
  const expectedBytes = packBytes(blobs);
  if (info.sizeBytes !== expectedBytes) {
    const what = `Pack ${pack.id} has ${info.sizeBytes} bytes; by the index it must have ${expectedBytes}.`;
    onProblem(error('index_wrong', subject, what, beyond(blobs, info.sizeBytes)));
  } else if (!areContiguous(blobs)) {
    onProblem(
      error('index_wrong', subject, `By the index the blobs of pack ${pack.id} overlap or have gaps.`),
    );
  }
  if (blobs.some(({ type }) => type !== blobs[0]!.type)) {
    onProblem(
      warning('pack_unusual', subject, `Pack ${pack.id} holds data and trees, which must not be mixed.`),
    );
  }
}

function areContiguous(blobs: readonly PackedBlob[]): boolean {
  let end = 0;
  return blobs.every(({ offset, lengthBytes }) => {
    const joins = offset === end;
    end += lengthBytes;
    return joins;
  });
}

function beyond(blobs: readonly PackedBlob[], sizeBytes: number): PackedBlob[] {
  return blobs.filter(({ offset, lengthBytes }) => offset + lengthBytes > sizeBytes);
}
