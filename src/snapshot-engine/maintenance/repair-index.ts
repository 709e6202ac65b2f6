import { BlobIndex } from '../blob-index/blob-index.js';
import { cancellable } from '../errors/cancellation.js';
import { RepositoryError } from '../errors/repository-error.js';
import { inParallel } from '../repository/in-parallel.js';
import type { ExclusiveLock, MaintainedRepository } from './maintained-repository.js';
import { loadPackHeader } from './pack-headers.js';
import { listPacks } from './repository-state.js';
import { writeIndexes } from './write-indexes.js';

/** Headers that are read at the same time. */
const HEADERS_AT_ONCE = 16;

export interface RepairIndexOptions {
  readonly lock: ExclusiveLock;
  readonly signal?: AbortSignal;
}

export interface RepairIndexResult {
  readonly packs: number;
  readonly blobs: number;
  /** Packs whose headers cannot be read, and why; no index names them now. */
  readonly unreadable: ReadonlyMap<string, string>;
  readonly newIndexes: readonly string[];
  readonly removedIndexes: readonly string[];
}

/**
 * Makes a new index of what the packs say that they hold, and removes all old index files when it is durable. Repairs
 * index files that are lost, damaged or wrong; packs that are lost stay lost. A run that ends on the way is repeated.
 * Rejects with `repository_locked` when the lock is lost, with `cancelled` after an abort, and with StorageErrors.
 */
export function repairIndex(
  repository: MaintainedRepository,
  options: RepairIndexOptions,
): Promise<RepairIndexResult> {
  return cancellable('repair of the index', options.signal, () => replaceIndexes(repository, options));
}

async function replaceIndexes(
  repository: MaintainedRepository,
  { lock, signal }: RepairIndexOptions,
): Promise<RepairIndexResult> {
  const { files } = repository;
  const old: string[] = [];
  for await (const { id } of files.list('index', { signal })) old.push(id);
  const index = new BlobIndex();
  const unreadable = new Map<string, string>();
  const packs = await listPacks(repository, signal);
  await inParallel(packs.values(), HEADERS_AT_ONCE, async ({ id, sizeBytes }) => {
    try {
      const { blobs } = await loadPackHeader(repository, id, sizeBytes, signal);
      index.add(id, blobs);
    } catch (error) {
      if (!(error instanceof RepositoryError)) throw error;
      unreadable.set(id, error.message);
    }
  });
  lock.assertHeld();
  const readable = [...packs.keys()].filter((id) => index.hasPack(id));
  const newIndexes = await writeIndexes(repository, index, readable, signal);
  for (const id of old) {
    lock.assertHeld();
    await files.remove('index', id, { signal });
  }
  return { packs: readable.length, blobs: index.blobCount, unreadable, newIndexes, removedIndexes: old };
}
