import { BlobIndex } from '../blob-index/blob-index.js';
import { readIndexFile } from '../repository/index-files.js';
import { inParallel } from '../repository/in-parallel.js';
import { loadSealedFile } from '../repository/sealed-files.js';
import type { RepositoryFileInfo, RepositoryFileKind } from '../repository/repository-files.js';
import { decodeSnapshot, type Snapshot } from '../snapshot/snapshot.js';
import type { IndexUse } from './index-plan.js';
import type { MaintainedRepository } from './maintained-repository.js';

/** Files of one kind that are read at the same time. */
const LOADS_AT_ONCE = 16;

/** Everything that a repository consists of, but the contents of its packs. */
export interface RepositoryState {
  readonly snapshots: ReadonlyMap<string, Snapshot>;
  readonly index: BlobIndex;
  readonly indexes: readonly IndexUse[];
  /** By id. */
  readonly packs: ReadonlyMap<string, RepositoryFileInfo>;
}

/**
 * Reads snapshots, then index files, then the list of packs: in this order everything that a snapshot needs is seen,
 * whoever writes meanwhile. Rejects with `damaged_repository` for a file that cannot be read, and with StorageErrors.
 */
export async function readState(
  repository: MaintainedRepository,
  signal?: AbortSignal,
): Promise<RepositoryState> {
  const snapshots = await loadSnapshots(repository, new Set(), signal);
  const index = new BlobIndex();
  const indexes = await loadIndexes(repository, index, new Set(), signal);
  return { snapshots, index, indexes, packs: await listPacks(repository, signal) };
}

export async function listPacks(
  { files }: MaintainedRepository,
  signal?: AbortSignal,
): Promise<Map<string, RepositoryFileInfo>> {
  const packs = new Map<string, RepositoryFileInfo>();
  for await (const info of files.list('pack', { signal })) packs.set(info.id, info);
  return packs;
}

/** All snapshots but those that are `known`. */
export async function loadSnapshots(
  repository: MaintainedRepository,
  known: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<Map<string, Snapshot>> {
  const snapshots = new Map<string, Snapshot>();
  const ids = await newIds(repository, 'snapshot', known, signal);
  await inParallel(ids, LOADS_AT_ONCE, async (id) => {
    const json = await loadSealedFile(repository.files, repository.cipher, 'snapshot', id, { signal });
    snapshots.set(id, decodeSnapshot(json, `snapshot ${id}`));
  });
  return snapshots;
}

/** Reads all index files but those that are `known` into `index`. */
export async function loadIndexes(
  repository: MaintainedRepository,
  index: BlobIndex,
  known: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<IndexUse[]> {
  const { files, cipher } = repository;
  const ids = await newIds(repository, 'index', known, signal);
  const uses: IndexUse[] = [];
  await inParallel(ids, LOADS_AT_ONCE, async (id) => {
    const packs: string[] = [];
    let blobCount = 0;
    for await (const pack of readIndexFile(files, cipher, id, { signal })) {
      index.add(pack.id, pack.blobs, { saved: true });
      packs.push(pack.id);
      blobCount += pack.blobs.length;
    }
    uses.push({ id, packs, blobCount });
  });
  return uses;
}

async function newIds(
  { files }: MaintainedRepository,
  kind: RepositoryFileKind,
  known: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of files.list(kind, { signal })) if (!known.has(id)) ids.push(id);
  return ids;
}
