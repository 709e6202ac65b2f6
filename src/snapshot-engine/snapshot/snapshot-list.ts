import { isStorageError } from '../../storage-providers/storage-errors.js';
import { RepositoryError } from '../errors/repository-error.js';
import { inParallel } from '../repository/in-parallel.js';
import type { FileCallOptions } from '../repository/repository-files.js';
import type { Repository } from '../repository/repository.js';
import { decodeSnapshot, type Snapshot } from './snapshot.js';

export interface StoredSnapshot extends Snapshot {
  readonly id: string;
}

export interface SnapshotList {
  /** Oldest first. */
  readonly snapshots: readonly StoredSnapshot[];
  /** Files that are no snapshots any more, with what is wrong with them. */
  readonly unreadable: readonly { readonly id: string; readonly error: RepositoryError }[];
}

export interface ListOptions extends FileCallOptions {
  /** From an earlier list: a snapshot never changes, so what is known is not loaded again. */
  readonly known?: readonly StoredSnapshot[];
  /** Fail for the first that is unreadable. */
  readonly strict?: boolean;
}

type SnapshotSource = Pick<Repository, 'files' | 'loadFile'>;

/** Each is one small request. */
const LOADS_AT_ONCE = 16;

/**
 * All snapshots of the repository. One that is removed meanwhile is left out; an unreadable one spoils no other.
 * Whoever reads blobs as well loads the index afterwards, so that it knows what these snapshots need.
 */
export async function listSnapshots(
  repository: SnapshotSource,
  { known = [], strict = false, signal }: ListOptions = {},
): Promise<SnapshotList> {
  const knownById = new Map(known.map((snapshot) => [snapshot.id, snapshot]));
  const snapshots: StoredSnapshot[] = [];
  const unreadable: { id: string; error: RepositoryError }[] = [];
  const load = async ({ id }: { readonly id: string }) => {
    try {
      snapshots.push(knownById.get(id) ?? (await loadSnapshot(repository, id, { signal })));
    } catch (error) {
      if (!(error instanceof RepositoryError)) throw error;
      if (error.code === 'snapshot_not_found') return;
      if (strict) throw error;
      unreadable.push({ id, error });
    }
  };
  await inParallel(repository.files.list('snapshot', { signal }), LOADS_AT_ONCE, load);
  return { snapshots: snapshots.sort(byTime), unreadable: unreadable.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

/** Throws `snapshot_not_found`, `damaged_repository`, or what the storage throws. */
export async function loadSnapshot(
  repository: Pick<Repository, 'loadFile'>,
  id: string,
  options?: FileCallOptions,
): Promise<StoredSnapshot> {
  try {
    return { id, ...decodeSnapshot(await repository.loadFile('snapshot', id, options), `snapshot ${id}`) };
  } catch (error) {
    if (!isStorageError(error, 'object_not_found')) throw error;
    const message = 'There is no such snapshot any more; it may have been forgotten.';
    throw new RepositoryError('snapshot_not_found', message, `snapshot ${id}`, { cause: error });
  }
}

function byTime(a: StoredSnapshot, b: StoredSnapshot): number {
  if (a.timeNs !== b.timeNs) return a.timeNs < b.timeNs ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}
