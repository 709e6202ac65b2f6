import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { AgentNudges } from '../../agents/agent-nudges.service.js';
import { ORDER_TTL_SECONDS } from '../../agent-protocol/protocol.js';
import { AuditLog } from '../../auth/audit-log.service.js';
import { Clock } from '../../config/clock.js';
import { notFound } from '../../errors/request-errors.js';
import type { Job } from '../../jobs/job.entity.js';
import type { JobRun } from '../../jobs/job-handler.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { Jobs } from '../../jobs/jobs.service.js';
import { RepositoryRow } from '../../repositories/repository.entity.js';
import { Leases } from '../../repositories/leases.service.js';
import { Workspace } from '../../repositories/workspace.entity.js';
import { failureOf } from '../job-failure.js';
import { SnapshotsError } from '../snapshots-error.js';
import { assertNoneProtected } from './protected-snapshots.js';
import { RepositoryRemoval } from './repository-removal.service.js';
import { type Change, subjectOf } from './workspaces.service.js';

const TASK = 'workspace.delete';
/** What an agent was still allowed to store when the workspace was deleted has arrived by then. */
const SWEEP_AFTER_MS = (ORDER_TTL_SECONDS + 60) * 1_000;

/** Before it is looked again whether the run that maintains the repository has ended. */
const BUSY_RETRY_MS = 2_000;

interface DeletionPayload {
  /** Absent for the sweep that follows. */
  readonly job_id?: string;
  readonly workspace_id: string;
}

/** Stops protecting directories, and removes what was stored of them when that is asked for. */
@Injectable()
export class WorkspaceDeletion implements OnModuleInit {
  private readonly log = new Logger(WorkspaceDeletion.name);

  constructor(
    private readonly database: DataSource,
    private readonly removal: RepositoryRemoval,
    private readonly leases: Leases,
    private readonly jobs: Jobs,
    private readonly queue: JobQueue,
    private readonly nudges: AgentNudges,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.queue.handle(TASK, (payload: Record<string, string>, run) => this.remove(payload as never, run), {
      lane: 'long',
    });
  }

  /**
   * From now on no run can commit. What is left in the bucket of a workspace that was deleted before may be deleted
   * this way, too.
   * @returns the job that removes the snapshots, when that was asked for
   * @throws RequestError `not_found`; SnapshotsError `snapshot_protected`
   */
  delete({ caller, origin }: Change, id: string, deletesSnapshots: boolean): Promise<Job | undefined> {
    return this.database.transaction(async (manager) => {
      const workspace = await lockRemovable(manager, caller.userId, id, deletesSnapshots);
      if (deletesSnapshots) await assertNoneProtected(manager, id);
      if (workspace.deletedAt === null) {
        await manager.update(Workspace, { id }, { deletedAt: () => 'now()', version: workspace.version + 1 });
        await this.leases.end(manager, workspace.repositoryId);
        await this.nudges.nudge(manager, workspace.agentId);
      }
      const details = { deletes_snapshots: deletesSnapshots };
      await this.audit.record(
        { ...origin, action: 'workspace.deleted', subject: subjectOf(id), details },
        manager,
      );
      return deletesSnapshots ? this.enqueue(manager, workspace) : undefined;
    });
  }

  private async enqueue(manager: EntityManager, { id, userId }: Workspace): Promise<Job> {
    const subject = subjectOf(id);
    const [underway] = await this.jobs.open(manager, subject, TASK);
    if (underway !== undefined) return underway;
    const job = await this.jobs.create(manager, { userId, kind: TASK, subject });
    await this.queue.enqueue(TASK, { job_id: job.id, workspace_id: id }, { manager });
    return job;
  }

  private async remove({ job_id, workspace_id }: DeletionPayload, run: JobRun): Promise<void> {
    const workspace = await this.database.manager.findOneBy(Workspace, { id: workspace_id });
    if (workspace?.deletedAt == null) return;
    try {
      if (job_id !== undefined) await this.jobs.start(job_id);
      const objects = await this.removal.remove(workspace, run.signal);
      if (objects === 'busy') return await this.again({ job_id, workspace_id }, BUSY_RETRY_MS);
      if (job_id === undefined) return;
      await this.jobs.succeed(job_id, { removed_objects: objects });
      await this.again({ workspace_id }, SWEEP_AFTER_MS);
    } catch (error) {
      this.log.warn(
        `The repository of workspace ${workspace_id} is not removed yet: ${failureOf(error).detail}`,
      );
      const { code, detail } = failureOf(error);
      const isFinal = run.isLastAttempt || error instanceof SnapshotsError;
      if (job_id !== undefined && isFinal) await this.jobs.fail(job_id, code, detail);
      if (!(error instanceof SnapshotsError)) throw error;
    }
  }

  private again({ job_id, workspace_id }: DeletionPayload, afterMs: number): Promise<void> {
    const runAt = new Date(this.clock.now() + afterMs);
    return this.queue.enqueue(TASK, { ...(job_id !== undefined && { job_id }), workspace_id }, { runAt });
  }
}

async function lockRemovable(
  manager: EntityManager,
  userId: number,
  id: string,
  deletesSnapshots: boolean,
): Promise<Workspace> {
  const lock = { mode: 'pessimistic_write' } as const;
  const workspace = await manager.findOne(Workspace, { where: { id, userId }, lock });
  if (workspace === null || (workspace.deletedAt !== null && !deletesSnapshots)) throw notFound('workspace');
  const repository = await manager.findOneByOrFail(RepositoryRow, { id: workspace.repositoryId });
  if (repository.state === 'removed') throw notFound('workspace');
  return workspace;
}
