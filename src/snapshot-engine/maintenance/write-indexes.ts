import type { BlobIndex, IndexedPack } from '../blob-index/blob-index.js';
import { indexFileGroups, type PackListing } from '../blob-index/index-file.js';
import { saveIndexFile } from '../repository/index-files.js';
import type { MaintainedRepository } from './maintained-repository.js';

/** Writes new index files that name these packs of `index`; answers their ids once all are durable. */
export async function writeIndexes(
  { files, cipher }: MaintainedRepository,
  index: BlobIndex,
  packIds: readonly string[],
  signal?: AbortSignal,
): Promise<string[]> {
  const written: string[] = [];
  for (const group of indexFileGroups(packIds.map((id) => index.pack(id)!))) {
    written.push(await saveIndexFile(files, cipher, listings(group), { signal }));
  }
  return written;
}

/** One after the other: the blobs of all packs at once would be much memory. */
function* listings(packs: readonly IndexedPack[]): Generator<PackListing, void> {
  for (const pack of packs) yield { id: pack.id, blobs: pack.blobs() };
}
