import { hash } from 'node:crypto';
import { BlobIndex } from '../../src/snapshot-engine/blob-index/blob-index.js';
import type { PackedBlob } from '../../src/snapshot-engine/pack/packed-blob.js';
import { noise } from './noise.js';
import type { SnapshotMaker } from './snapshot-maker.js';

/** How a pack is not what an index says: other bytes, none at all, too few, or blobs of another length. */
export const LIES = ['garbage', 'missing', 'short', 'lengths'] as const;
export type Lie = (typeof LIES)[number];

export interface LyingIndex {
  readonly index: BlobIndex;
  readonly lyingPack: string;
}

/**
 * An index that names a false pack with every blob of the maker before the genuine packs, so that whoever asks for one
 * place of a blob is sent to the false one.
 */
export function lyingIndex({ index: genuine, store }: SnapshotMaker, lie: Lie): LyingIndex {
  const blobs = [...genuine.packs()].flatMap((pack) => pack.blobs());
  const claimed: PackedBlob[] = [];
  for (const blob of blobs) claimed.push({ ...blob, ...lengthsOf(blob, lie), offset: endOf(claimed.at(-1)) });
  const bytes = noise(lie === 'short' ? 10 : endOf(claimed.at(-1)), `a pack that lies: ${lie}`);
  const lyingPack = hash('sha256', bytes);
  if (lie !== 'missing') store.put('pack', lyingPack, bytes, new Date(0));
  const index = new BlobIndex();
  index.add(lyingPack, claimed, { saved: true });
  for (const pack of genuine.packs()) index.add(pack.id, pack.blobs(), { saved: true });
  return { index, lyingPack };
}

function lengthsOf({ lengthBytes, uncompressedBytes }: PackedBlob, lie: Lie): Partial<PackedBlob> {
  if (lie !== 'lengths') return {};
  return uncompressedBytes > 0
    ? { uncompressedBytes: uncompressedBytes + 1 }
    : { lengthBytes: lengthBytes + 1 };
}

function endOf(blob: PackedBlob | undefined): number {
  return blob === undefined ? 0 : blob.offset + blob.lengthBytes;
}
