import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../../auth/audit-log.service.js';
import { Clock } from '../../config/clock.js';
import type { Job } from '../../jobs/job.entity.js';
import type { JobRun } from '../../jobs/job-handler.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { Jobs } from '../../jobs/jobs.service.js';
import { SnapshotRow } from '../../repositories/snapshot.entity.js';
import { Workspace } from '../../repositories/workspace.entity.js';
import { forgetSnapshots } from '../../snapshot-engine/index.js';
import { failureOf } from '../job-failure.js';
import { type MaintenanceLease, MaintenanceLeases } from '../maintenance/maintenance-leases.service.js';
import { RepositoryAccess } from '../maintenance/repository-access.service.js';
import { SnapshotsError } from '../snapshots-error.js';
import { lockSnapshot } from './snapshots.service.js';

const TASK = 'snapshot.delete';
/** Before it is looked again whether the run that maintains the repository has ended. */
const BUSY_RETRY_MS = 2_000;

type DeletionPayload = { readonly job_id: string; readonly snapshot_id: string };

/**
 * Deletes single snapshots: the row is `forgetting` at once, then the object goes, then the row. Never beside a prune or
 * a check of the same repository.
 */
@Injectable()
export class SnapshotDeletion implements OnModuleInit {
  private readonly log = new Logger(SnapshotDeletion.name);

  constructor(
    private readonly database: DataSource,
    private readonly leases: MaintenanceLeases,
    private readonly access: RepositoryAccess,
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
      if ((await this.remove(snapshot_id, signal)) === 'busy') {
        const runAt = new Date(this.clock.now() + BUSY_RETRY_MS);
        return await this.queue.enqueue(TASK, { job_id, snapshot_id }, { runAt });
      }
      await this.jobs.succeed(job_id, { snapshot_id });
    } catch (error) {
      const { code, detail } = failureOf(error);
      this.log.warn(`The snapshot ${snapshot_id} is not removed yet: ${detail}`);
      if (isLastAttempt) await this.jobs.fail(job_id, code, `${detail} Maintenance goes on trying.`);
      throw error;
    }
  }

  /** Nothing is left to do when maintenance has finished it. */
  private async remove(id: string, signal: AbortSignal): Promise<void | 'busy'> {
    const { manager } = this.database;
    const snapshot = await manager.findOneBy(SnapshotRow, { id, state: 'forgetting' });
    if (snapshot === null) return;
    const { repositoryId } = await manager.findOneByOrFail(Workspace, { id: snapshot.workspaceId });
    return this.leases.hold(repositoryId, signal, (lease) => this.removeObject(snapshot, lease));
  }

  private removeObject({ id, objectId }: SnapshotRow, lease: MaintenanceLease): Promise<void> {
    const { repositoryId, signal } = lease;
    return this.access.with(repositoryId, 'maintenance', ({ repository, files }) =>
      this.access.locked(repository, 'exclusive', signal, async (lock) => {
        const target = { files, cipher: repository.cipher };
        const either = AbortSignal.any([signal, lock.signal]);
        await forgetSnapshots(target, [objectId.toString('hex')], { lock, signal: either });
        await lease.transaction((transaction) => this.removeRow(transaction, id, repositoryId));
      }),
    );
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
