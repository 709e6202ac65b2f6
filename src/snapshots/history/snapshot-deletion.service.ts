import { hostname } from 'node:os';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../../auth/audit-log.service.js';
import { Clock } from '../../config/clock.js';
import type { Job } from '../../jobs/job.entity.js';
import type { JobRun } from '../../jobs/job-handler.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { Jobs } from '../../jobs/jobs.service.js';
import { Repositories } from '../../repositories/repositories.service.js';
import { SnapshotRow } from '../../repositories/snapshot.entity.js';
import { Workspace } from '../../repositories/workspace.entity.js';
import { acquireLock, forgetSnapshots } from '../../snapshot-engine/index.js';
import { failureOf } from '../job-failure.js';
import { SnapshotsError } from '../snapshots-error.js';
import { lockSnapshot } from './snapshots.service.js';

const TASK = 'snapshot.delete';

type DeletionPayload = { readonly job_id: string; readonly snapshot_id: string };

/** Deletes single snapshots: the row is `forgetting` at once, then the object goes, then the row. */
@Injectable()
export class SnapshotDeletion implements OnModuleInit {
  private readonly log = new Logger(SnapshotDeletion.name);

  constructor(
    private readonly database: DataSource,
    private readonly repositories: Repositories,
    private readonly jobs: Jobs,
    private readonly queue: JobQueue,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.queue.handle<DeletionPayload>(TASK, (payload, run) => this.forget(payload, run));
  }

  /**
   * From now on it is in no list. What only it needed stays in the bucket until the next prune.
   * @returns the job that removes it from the bucket
   * @throws RequestError `not_found`; SnapshotsError `snapshot_protected`, `newest_snapshot`
   */
  delete(origin: AuditOrigin, userId: number, id: string): Promise<Job> {
    return this.database.transaction(async (manager) => {
      const snapshot = await lockSnapshot(manager, userId, id);
      if (snapshot.isProtected) throw isProtected();
      await assertNotNewest(manager, snapshot);
      await manager.update(SnapshotRow, { id }, { state: 'forgetting' });
      const subject = `snapshot:${id}`;
      const details = { workspace: snapshot.workspaceId };
      await this.audit.record({ ...origin, action: 'snapshot.deleted', subject, details }, manager);
      const job = await this.jobs.create(manager, { userId, kind: TASK, subject });
      await this.queue.enqueue(TASK, { job_id: job.id, snapshot_id: id }, { manager });
      return job;
    });
  }

  /** Maintenance finishes what this does not: a row that is `forgetting` is never restorable again. */
  private async forget(
    { job_id, snapshot_id }: DeletionPayload,
    { isLastAttempt, signal }: JobRun,
  ): Promise<void> {
    try {
      await this.jobs.start(job_id);
      await this.removeObject(snapshot_id, signal);
      await this.jobs.succeed(job_id, { snapshot_id });
    } catch (error) {
      const { code, detail } = failureOf(error);
      this.log.warn(`The snapshot ${snapshot_id} is not removed yet: ${detail}`);
      if (isLastAttempt) await this.jobs.fail(job_id, code, `${detail} Maintenance goes on trying.`);
      throw error;
    }
  }

  private async removeObject(id: string, signal: AbortSignal): Promise<void> {
    const { manager } = this.database;
    const snapshot = await manager.findOneBy(SnapshotRow, { id, state: 'forgetting' });
    if (snapshot === null) return;
    const { repositoryId } = await manager.findOneByOrFail(Workspace, { id: snapshot.workspaceId });
    const { repository, files } = await this.repositories.open(repositoryId);
    const holder = { hostname: hostname(), username: 'stowage', pid: process.pid };
    const now = () => this.clock.now();
    const lock = await acquireLock(repository, { mode: 'exclusive', holder, now, signal });
    try {
      const target = { files, cipher: repository.cipher };
      await forgetSnapshots(target, [snapshot.objectId.toString('hex')], { lock, signal: lock.signal });
      await this.database.transaction((transaction) => this.removeRow(transaction, id, repositoryId));
    } finally {
      // One that stays becomes stale by itself.
      await lock.release().catch(() => undefined);
    }
  }

  private async removeRow(manager: EntityManager, id: string, repositoryId: string): Promise<void> {
    await manager.delete(SnapshotRow, { id, state: 'forgetting' });
    await manager.query('UPDATE repositories SET has_garbage = true WHERE id = $1', [repositoryId]);
  }
}

/** Runs compare what they find with the newest one: without it they would go on saying that nothing changed. */
async function assertNotNewest(manager: EntityManager, { id, workspaceId }: SnapshotRow): Promise<void> {
  const workspace = await manager.findOneByOrFail(Workspace, { id: workspaceId });
  if (workspace.deletedAt !== null) return;
  const newest = await manager.findOne(SnapshotRow, {
    where: { workspaceId, state: 'restorable' },
    order: { receivedAt: 'DESC', id: 'DESC' },
  });
  if (newest?.id !== id) return;
  throw new SnapshotsError(
    'newest_snapshot',
    'This is the newest snapshot of its workspace, and the next runs are compared with it. ' +
      'Delete it when there is a newer one, or delete the workspace.',
  );
}

function isProtected(): SnapshotsError {
  return new SnapshotsError(
    'snapshot_protected',
    'The snapshot is protected. Take its protection off first.',
  );
}
