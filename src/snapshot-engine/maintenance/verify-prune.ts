import { BlobIndex } from '../blob-index/blob-index.js';
import { damaged } from '../errors/repository-error.js';
import type { MaintainedRepository } from './maintained-repository.js';
import type { Survey } from './prune-survey.js';
import { listPacks, loadIndexes } from './repository-state.js';

/**
 * Looks at what the prune has left: every blob that a snapshot needs is named by an index, in a pack that exists. Throws
 * `damaged_repository`, which would be a fault of this program or of the provider; all that was removed are index files
 * and packs that had been unreachable for the grace period.
 */
export async function verifyAfterPrune(
  repository: MaintainedRepository,
  survey: Survey,
  signal?: AbortSignal,
): Promise<void> {
  const index = new BlobIndex();
  await loadIndexes(repository, index, new Set(), signal);
  const packs = await listPacks(repository, signal);
  for (const { id } of index.packs()) {
    if (!packs.has(id))
      throw damaged(`Pack ${id}`, 'an index names it after the prune, but it does not exist');
  }
  for (const pack of survey.index.packs()) {
    for (const { type, id } of pack.blobs()) {
      if (survey.reachable.isUsed(type, id) && !index.has(type, id)) {
        throw damaged(`Blob ${id}`, 'no index names it after the prune');
      }
    }
  }
}
