import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource, IsNull, type EntityManager } from 'typeorm';
import { Config } from '../../config/config.js';
import { notFound } from '../../errors/request-errors.js';
import type { Job } from '../../jobs/job.entity.js';
import type { JobRun } from '../../jobs/job-handler.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { jobKeyOf, Jobs } from '../../jobs/jobs.service.js';
import { Workspace } from '../../repositories/workspace.entity.js';
import { failureOf } from '../job-failure.js';
import { SnapshotsError } from '../snapshots-error.js';
import { findSnapshot, insertDrill, pickSnapshot } from './drill-rows.js';
import { DrillRuns } from './drill-runs.service.js';

export const DRILL = 'workspace.drill';
const LOOK_FOR_DUE = 'drills.due';
const LOOK_EVERY_SECONDS = 300;
/** One drill at a time in the whole installation: it loads bucket, disk and cores. */
const QUEUE = 'drills';
const MAX_ATTEMPTS = 4;
const MAX_DUE = 100;
/** All attempts together take less. */
const GIVEN_UP_HOURS = 48;
/** Every so many drills it is not the newest snapshot but any. */
const RANDOM_SHARE = 0.25;

/** Rehearses restores, by itself and when somebody asks. */
@Injectable()
export class Drills implements OnModuleInit {
  constructor(
    private readonly queue: JobQueue,
    private readonly jobs: Jobs,
    private readonly runs: DrillRuns,
    private readonly database: DataSource,
    private readonly config: Config,
  ) {}

  onModuleInit(): void {
    this.queue.handle<DrillPayload>(DRILL, (payload, run) => this.run(payload, run), { lane: 'bulk' });
    this.queue.handle(LOOK_FOR_DUE, () => this.look());
    this.queue.schedule(LOOK_FOR_DUE, { everySeconds: LOOK_EVERY_SECONDS });
  }

  /**
   * @param snapshotId the newest when absent
   * @throws RequestError `not_found`; SnapshotsError `no_snapshot`
   */
  ask(userId: number, workspaceId: string, snapshotId: string | undefined): Promise<Job> {
    return this.database.transaction(async (manager) => {
      const workspace = await manager.findOne(Workspace, {
        where: { id: workspaceId, userId, deletedAt: IsNull() },
        lock: { mode: 'for_no_key_update' },
      });
      if (workspace === null) throw notFound('workspace');
      const snapshot =
        snapshotId === undefined
          ? await pickSnapshot(manager, workspaceId)
          : await findSnapshot(manager, workspaceId, snapshotId);
      if (snapshot === undefined && snapshotId !== undefined) throw notFound('snapshot');
      if (snapshot === undefined) throw noSnapshot();
      const subject = `workspace:${workspaceId}`;
      const [open] = await this.jobs.open(manager, subject, DRILL);
      if (open !== undefined) return open;
      const job = await this.jobs.create(manager, { userId, kind: DRILL, subject });
      const drill_id = await insertDrill(manager, workspaceId, snapshot);
      await this.enqueue(manager, { drill_id, job_id: job.id });
      return job;
    });
  }

  private async look(): Promise<void> {
    await this.jobs.failAbandoned([DRILL]);
    await this.database.query(GIVE_UP, [GIVEN_UP_HOURS]);
    if (this.config.env.DRILL_INTERVAL_HOURS > 0) await this.enqueueDue();
  }

  /** Of workspaces that have something to lose. */
  async enqueueDue(): Promise<void> {
    await this.database.transaction(async (manager) => {
      const hours = this.config.env.DRILL_INTERVAL_HOURS;
      const [due] = await manager.query<[{ id: string }[], number]>(DUE, [hours, MAX_DUE]);
      for (const { id } of due) {
        const at = Math.random() < RANDOM_SHARE ? Math.random() : undefined;
        const snapshot = await pickSnapshot(manager, id, at);
        if (snapshot === undefined) continue;
        await this.enqueue(manager, { drill_id: await insertDrill(manager, id, snapshot) });
      }
    });
  }

  private enqueue(manager: EntityManager, payload: DrillPayload): Promise<void> {
    const jobKey = payload.job_id === undefined ? undefined : jobKeyOf(payload.job_id);
    return this.queue.enqueue(DRILL, payload, {
      manager,
      queueName: QUEUE,
      maxAttempts: MAX_ATTEMPTS,
      jobKey,
    });
  }

  private async run({ drill_id, job_id }: DrillPayload, { signal, isLastAttempt }: JobRun): Promise<void> {
    if (job_id !== undefined) await this.jobs.start(job_id);
    try {
      const end = await this.runs.run(drill_id, { signal, isLastAttempt });
      if (job_id === undefined || end === undefined) return;
      const { state, code, detail, result, paths } = end;
      if (state === 'cancelled') await this.jobs.cancel(job_id);
      else if (state === 'succeeded') {
        await this.jobs.succeed(job_id, { restore_id: drill_id, whole: paths === undefined, ...result });
      } else await this.jobs.fail(job_id, code ?? 'internal_error', detail ?? '');
    } catch (error) {
      if (isLastAttempt && job_id !== undefined) {
        const { code, detail } = failureOf(error);
        await this.jobs.fail(job_id, code, detail);
      }
      throw error;
    }
  }
}

type DrillPayload = { readonly drill_id: string; readonly job_id?: string };

function noSnapshot(): SnapshotsError {
  return new SnapshotsError('no_snapshot', 'The workspace has no snapshot yet that could be restored.');
}

/** Of which every process died that tried: while it is open, its snapshot is never thinned out. */
const GIVE_UP = `UPDATE restores SET state = 'failed', error_code = 'internal_error', finished_at = now(),
    error_detail = 'The drill did not come to its end. The log of the server tells what happened.', version = version + 1
  WHERE kind = 'drill' AND finished_at IS NULL AND created_at < now() - $1 * interval '1 hour'`;

const DUE = `UPDATE workspaces SET drill_after = now() + $1 * interval '1 hour' WHERE id IN (
    SELECT w.id FROM workspaces w WHERE w.deleted_at IS NULL AND w.drill_after <= now()
      AND EXISTS (SELECT FROM snapshots s WHERE s.workspace_id = w.id AND s.state = 'restorable')
      AND NOT EXISTS (SELECT FROM restores x WHERE x.workspace_id = w.id AND x.kind = 'drill' AND x.finished_at IS NULL)
    ORDER BY w.drill_after LIMIT $2 FOR UPDATE SKIP LOCKED
  ) RETURNING id`;
