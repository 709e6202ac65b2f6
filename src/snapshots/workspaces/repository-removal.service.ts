import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Repositories } from '../../repositories/repositories.service.js';
import { RepositoryRow } from '../../repositories/repository.entity.js';
import type { Workspace } from '../../repositories/workspace.entity.js';
import {
  inParallel,
  ObjectRepositoryFiles,
  type RepositoryFileKind,
  type RepositoryFiles,
} from '../../snapshot-engine/index.js';
import { MaintenanceLeases } from '../maintenance/maintenance-leases.service.js';
import { assertNoneProtected } from './protected-snapshots.js';

/** Snapshots first, keys last: what a crash leaves is a repository that holds less, until nothing opens it. */
const REMOVAL_ORDER: readonly RepositoryFileKind[] = ['snapshot', 'index', 'pack', 'doomed', 'lock', 'key'];
const REMOVALS_AT_ONCE = 16;
const CONFIG_NAME = 'config';

/** The part of a maintenance lease that a removal needs. */
interface Hold {
  readonly signal: AbortSignal;
  transaction<Result>(work: (manager: EntityManager) => Promise<Result>): Promise<Result>;
}

/**
 * Removes a whole repository from its bucket, and the rows of what lay in it. May be repeated at any time; never beside
 * a prune or a check.
 */
@Injectable()
export class RepositoryRemoval {
  constructor(
    private readonly database: DataSource,
    private readonly repositories: Repositories,
    private readonly leases: MaintenanceLeases,
  ) {}

  /**
   * @returns how many objects were removed; `busy` while a run maintains the repository
   * @throws SnapshotsError `snapshot_protected`, StorageError, CredentialsError; MaintenanceLeaseLost
   */
  async remove(workspace: Workspace, signal: AbortSignal): Promise<number | 'busy'> {
    const { manager } = this.database;
    await assertNoneProtected(manager, workspace.id);
    const { state } = await manager.findOneByOrFail(RepositoryRow, { id: workspace.repositoryId });
    // Nobody maintains what was removed: only what came late is looked for.
    if (state === 'removed')
      return this.empty(workspace, { signal, transaction: (work) => this.database.transaction(work) });
    return this.leases.hold(workspace.repositoryId, signal, (lease) => this.empty(workspace, lease));
  }

  private async empty({ id, repositoryId }: Workspace, hold: Hold): Promise<number> {
    const { signal } = hold;
    const { manager } = this.database;
    const { storage, prefix } = await this.repositories.place(repositoryId);
    const files = new ObjectRepositoryFiles(storage, { prefix });
    let objects = 0;
    for (const kind of REMOVAL_ORDER) {
      objects += await removeAll(files, kind, signal);
      if (kind === 'snapshot') await manager.query('DELETE FROM snapshots WHERE workspace_id = $1', [id]);
    }
    await storage.delete(`${prefix}/${CONFIG_NAME}`, { signal });
    await hold.transaction(async (fenced) => {
      await fenced.query('DELETE FROM stored_packs WHERE repository_id = $1', [repositoryId]);
      await fenced.query('DELETE FROM doomed_packs WHERE repository_id = $1', [repositoryId]);
      await fenced.update(RepositoryRow, { id: repositoryId }, { state: 'removed', storedBytes: 0 });
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
