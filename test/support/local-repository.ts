import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ObjectRepositoryFiles } from '../../src/snapshot-engine/repository/object-repository-files.js';
import { createDialer } from '../../src/storage-providers/dialer.js';
import { localDisk } from '../../src/storage-providers/providers/local-disk.js';
import type { ObjectStorage } from '../../src/storage-providers/storage-provider.js';

/** A place for one repository on the disk, for our engine and for restic. */
export interface LocalRepository {
  /** Folder of the store. */
  readonly root: string;
  /** For restic's `-r`. */
  readonly path: string;
  readonly storage: ObjectStorage;
  readonly files: ObjectRepositoryFiles;
  remove(): Promise<void>;
}

export async function localRepository(): Promise<LocalRepository> {
  return localRepositoryAt(await mkdtemp(join(tmpdir(), 'stowage-repository-')));
}

/** The same again from another process: `root` is its `root`. */
export function localRepositoryAt(localDiskRoot: string): LocalRepository {
  const storage = localDisk.connect(
    { bucket_name: 'repository' },
    {
      dialer: createDialer({ allowedPrivateEndpoints: [], resolve: async () => [] }),
      localDiskRoot,
      timeouts: { connectMs: 5_000, responseMs: 30_000, idleBodyMs: 30_000 },
    },
  );
  return {
    root: localDiskRoot,
    path: join(localDiskRoot, 'repository'),
    storage,
    files: new ObjectRepositoryFiles(storage),
    remove: async () => {
      await storage.close();
      await rm(localDiskRoot, { recursive: true, force: true });
    },
  };
}
