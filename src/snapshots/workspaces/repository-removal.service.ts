import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Repositories } from '../../repositories/repositories.service.js';
import { RepositoryRow } from '../../repositories/repository.entity.js';
import type { Workspace } from '../../repositories/workspace.entity.js';
import {
  inParallel,
  ObjectRepositoryFiles,
  type RepositoryFileKind,
  type RepositoryFiles,
} from '../../snapshot-engine/index.js';
import { assertNoneProtected } from './protected-snapshots.js';

/** Snapshots first, keys last: what a crash leaves is a repository that holds less, until nothing opens it. */
const REMOVAL_ORDER: readonly RepositoryFileKind[] = ['snapshot', 'index', 'pack', 'doomed', 'lock', 'key'];
const REMOVALS_AT_ONCE = 16;
const CONFIG_NAME = 'config';

/** Removes a whole repository from its bucket, and the rows of what lay in it. May be repeated at any time. */
@Injectable()
export class RepositoryRemoval {
  constructor(
    private readonly database: DataSource,
    private readonly repositories: Repositories,
  ) {}

  /**
   * @returns how many objects were removed
   * @throws SnapshotsError `snapshot_protected`, StorageError, CredentialsError
   */
  async remove({ id, repositoryId }: Workspace, signal: AbortSignal): Promise<number> {
    const { manager } = this.database;
    await assertNoneProtected(manager, id);
    const { storage, prefix } = await this.repositories.place(repositoryId);
    const files = new ObjectRepositoryFiles(storage, { prefix });
    let objects = 0;
    for (const kind of REMOVAL_ORDER) {
      objects += await removeAll(files, kind, signal);
      if (kind === 'snapshot') await manager.query('DELETE FROM snapshots WHERE workspace_id = $1', [id]);
    }
    await storage.delete(`${prefix}/${CONFIG_NAME}`, { signal });
    await this.database.transaction(async (transaction) => {
      await transaction.query('DELETE FROM stored_packs WHERE repository_id = $1', [repositoryId]);
      await transaction.query('DELETE FROM doomed_packs WHERE repository_id = $1', [repositoryId]);
      await transaction.update(RepositoryRow, { id: repositoryId }, { state: 'removed', storedBytes: 0 });
    });
    return objects;
  }
}

async function removeAll(
  files: RepositoryFiles,
  kind: RepositoryFileKind,
  signal: AbortSignal,
): Promise<number> {
  let count = 0;
  await inParallel(files.list(kind, { signal }), REMOVALS_AT_ONCE, async ({ id }) => {
    await files.remove(kind, id, { signal });
    count += 1;
  });
  return count;
}
