import { hash } from 'node:crypto';
import { isStorageError } from '../../storage-providers/storage-errors.js';
import { BlobIndex } from '../blob-index/blob-index.js';
import type { PackListing } from '../blob-index/index-file.js';
import { readIndexFile } from '../repository/index-files.js';
import { inParallel } from '../repository/in-parallel.js';
import type { RepositoryFileInfo, RepositoryFileKind } from '../repository/repository-files.js';
import { parseRepositoryConfig } from '../repository/repository-config.js';
import { loadSealedFile } from '../repository/sealed-files.js';
import { decodeSnapshot, type Snapshot } from '../snapshot/snapshot.js';
import { error, messageOf, type CheckListener } from './check-problem.js';
import type { MaintainedRepository } from './maintained-repository.js';
import { listPacks } from './repository-state.js';

/** Small files that are read at the same time. */
const LOADS_AT_ONCE = 16;

/** Index files may be replaced while they are read; so often they are listed anew. */
const MAX_LISTINGS = 5;

/** What could be read. */
export interface CheckedFiles {
  readonly snapshots: ReadonlyMap<string, Snapshot>;
  readonly index: BlobIndex;
  readonly packs: ReadonlyMap<string, RepositoryFileInfo>;
}

/** Reads every file that is not a pack, in the order in which readers do. Files that vanish meanwhile are no problem. */
export async function checkFiles(
  repository: MaintainedRepository,
  onProblem: CheckListener,
  signal?: AbortSignal,
): Promise<CheckedFiles> {
  await checkConfig(repository, onProblem, signal);
  let keys = 0;
  await eachFile(repository, 'key', onProblem, signal, async (id) => {
    keys += 1;
    const bytes = await repository.files.load('key', id, { signal });
    if (hash('sha256', bytes, 'hex') === id) return;
    onProblem(
      error('file_unreadable', `key ${id}`, `Key ${id} has been altered: its bytes do not have its name.`),
    );
  });
  if (keys === 0)
    onProblem(error('file_unreadable', 'keys', 'There is no key: no password opens this repository.'));
  for (const kind of ['lock', 'doomed'] as const) {
    await eachFile(repository, kind, onProblem, signal, async (id) => {
      await loadSealedFile(repository.files, repository.cipher, kind, id, { signal });
    });
  }
  const snapshots = new Map<string, Snapshot>();
  await eachFile(repository, 'snapshot', onProblem, signal, async (id) => {
    const json = await loadSealedFile(repository.files, repository.cipher, 'snapshot', id, { signal });
    snapshots.set(id, decodeSnapshot(json, `snapshot ${id}`));
  });
  const index = await checkIndexes(repository, onProblem, signal);
  return { snapshots, index, packs: await listPacks(repository, signal) };
}

async function checkConfig(
  { files, cipher }: MaintainedRepository,
  onProblem: CheckListener,
  signal: AbortSignal | undefined,
): Promise<void> {
  const sealed = await files.loadConfig({ signal });
  try {
    if (sealed !== undefined) parseRepositoryConfig(cipher.open(sealed, 'config'));
    else
      onProblem(
        error('file_unreadable', 'config', 'The config is missing: nobody can open this repository.'),
      );
  } catch (cause) {
    onProblem(error('file_unreadable', 'config', messageOf(cause)));
  }
}

/** An index of all files that can be read, complete although others may merge files meanwhile. */
async function checkIndexes(
  repository: MaintainedRepository,
  onProblem: CheckListener,
  signal: AbortSignal | undefined,
): Promise<BlobIndex> {
  const { files, cipher } = repository;
  const index = new BlobIndex();
  const seen = new Set<string>();
  for (let listing = 0; listing < MAX_LISTINGS; listing += 1) {
    let vanished = false;
    await eachFile(repository, 'index', onProblem, signal, async (id) => {
      if (seen.has(id)) return;
      try {
        // Only whole files count, as with other readers.
        const packs: PackListing[] = [];
        for await (const pack of readIndexFile(files, cipher, id, { signal })) packs.push(pack);
        for (const pack of packs) index.add(pack.id, pack.blobs, { saved: true });
      } catch (cause) {
        vanished ||= isStorageError(cause, 'object_not_found');
        if (!isStorageError(cause, 'object_not_found')) throw cause;
      } finally {
        seen.add(id);
      }
    });
    if (!vanished) break;
  }
  return index;
}

/** Calls `read` for every file of a kind; what it throws about the file is a problem, unless the file is gone. */
async function eachFile(
  { files }: MaintainedRepository,
  kind: RepositoryFileKind,
  onProblem: CheckListener,
  signal: AbortSignal | undefined,
  read: (id: string) => Promise<void>,
): Promise<void> {
  await inParallel(files.list(kind, { signal }), LOADS_AT_ONCE, async ({ id }) => {
    try {
      await read(id);
    } catch (cause) {
      if (isStorageError(cause, 'object_not_found')) return;
      onProblem(error('file_unreadable', `${kind} ${id}`, messageOf(cause)));
    }
  });
}
