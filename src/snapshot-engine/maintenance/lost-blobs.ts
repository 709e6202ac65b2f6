import type { BlobIndex } from '../blob-index/blob-index.js';
import { RepositoryError } from '../errors/repository-error.js';
import { BlobLoader } from '../repository/blob-loader.js';
import { inParallel } from '../repository/in-parallel.js';
import type { SufferingBlob } from './check-problem.js';
import type { MaintainedRepository } from './maintained-repository.js';

const READS_AT_ONCE = 8;

/** Those of these blobs that cannot be read from any pack. Only what is said to lie in several is read. StorageErrors. */
export async function lostBlobs(
  { files, cipher }: MaintainedRepository,
  index: BlobIndex,
  blobs: readonly SufferingBlob[],
  signal?: AbortSignal,
): Promise<SufferingBlob[]> {
  const loader = new BlobLoader(files, cipher);
  const lost: SufferingBlob[] = [];
  await inParallel(blobs, READS_AT_ONCE, async (blob) => {
    const { type, id } = blob;
    if (index.findAll(type, id).length < 2 || !(await canBeRead(blob))) lost.push(blob);
  });
  return lost;

  async function canBeRead({ type, id }: SufferingBlob): Promise<boolean> {
    try {
      await loader.load(type, id, index, { signal });
      return true;
    } catch (error) {
      if (error instanceof RepositoryError) return false;
      throw error;
    }
  }
}
