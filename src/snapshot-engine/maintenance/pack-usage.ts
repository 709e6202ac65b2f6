import type { BlobIndex, IndexedPack } from '../blob-index/blob-index.js';
import { headerSizeBytes } from '../pack/pack-header.js';
import type { PackedBlob } from '../pack/packed-blob.js';
import type { RepositoryFileInfo } from '../repository/repository-files.js';
import type { PackUse } from './prune-plan.js';
import { refused } from './prune-refusal.js';
import type { Reachability } from './reachability.js';
import { RowBits } from './row-bits.js';

/** Throws `prune_refused` unless every indexed pack exists and is as long as its entries say. */
export function assertPacksComplete(index: BlobIndex, packs: ReadonlyMap<string, RepositoryFileInfo>): void {
  for (const pack of index.packs()) {
    const info = packs.get(pack.id);
    if (info === undefined) throw refused(`an index names pack ${pack.id}, which does not exist`, pack.id);
    const expectedBytes = packBytes(pack.blobs());
    if (info.sizeBytes !== expectedBytes) {
      throw refused(`pack ${pack.id} has ${info.sizeBytes} bytes instead of ${expectedBytes}`, pack.id);
    }
  }
}

/** Length of the pack that holds exactly these blobs. */
export function packBytes(blobs: readonly PackedBlob[]): number {
  return blobs.reduce((sum, { lengthBytes }) => sum + lengthBytes, headerSizeBytes(blobs));
}

export interface UsageContext {
  readonly index: BlobIndex;
  readonly packs: ReadonlyMap<string, RepositoryFileInfo>;
  readonly reachable: Reachability;
  readonly isDoomed: (packId: string) => boolean;
  readonly isYoung: (pack: RepositoryFileInfo) => boolean;
}

/**
 * What each pack is needed for. A blob that lies in several packs counts as used in one of them only: one that is not
 * doomed, is young (it stays anyhow) or large, in this order.
 */
export function packUses({ index, packs, reachable, isDoomed, isYoung }: UsageContext): PackUse[] {
  const assigned = new RowBits();
  const useOf = (pack: IndexedPack, info: RepositoryFileInfo): PackUse => {
    let usedBytes = 0;
    let unusedBytes = 0;
    const blobs = pack.blobs();
    for (const { type, id, lengthBytes } of blobs) {
      if (reachable.isUsed(type, id) && assigned.add(index.rowOf(type, id))) usedBytes += lengthBytes;
      else unusedBytes += lengthBytes;
    }
    const { sizeBytes } = info;
    return {
      id: pack.id,
      sizeBytes,
      content: contentOf(blobs),
      usedBytes,
      unusedBytes,
      young: isYoung(info),
    };
  };
  const order = [...packs.values()].sort(
    (left, right) =>
      Number(isDoomed(left.id)) - Number(isDoomed(right.id)) ||
      Number(isYoung(right)) - Number(isYoung(left)) ||
      right.sizeBytes - left.sizeBytes ||
      (left.id < right.id ? -1 : 1),
  );
  return order.map((info) => {
    const pack = index.pack(info.id);
    return pack === undefined ? orphan(info, isYoung(info)) : useOf(pack, info);
  });
}

/** No index names it: left by a run that ended before its time, or of one that is under way. */
function orphan({ id, sizeBytes }: RepositoryFileInfo, young: boolean): PackUse {
  return { id, sizeBytes, content: 'unindexed', usedBytes: 0, unusedBytes: sizeBytes, young };
}

function contentOf(blobs: readonly PackedBlob[]): PackUse['content'] {
  const first = blobs[0]?.type ?? 'data';
  return blobs.every(({ type }) => type === first) ? first : 'mixed';
}
