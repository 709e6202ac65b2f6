import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../auth/audit-log.service.js';
import { Clock } from '../config/clock.js';
import { Statements } from '../database/statements.js';
import { StowageError } from '../errors/stowage-error.js';
import type { Job } from '../jobs/job.entity.js';
import type { JobRun } from '../jobs/job-handler.js';
import { JobQueue } from '../jobs/job-queue.service.js';
import { jobKeyOf, Jobs } from '../jobs/jobs.service.js';
import { StorageError } from '../storage-providers/storage-errors.js';
import { FilePurge } from './file-purge.service.js';
import { RestingBuckets } from './resting-buckets.js';

const KIND = 'trash.empty';
const TASK = 'files.empty_trash';
const UPKEEP = 'files.fail_abandoned_jobs';
const UPKEEP_EVERY_SECONDS = 600;
const MAX_ATTEMPTS = 5;
const FILES_AT_ONCE = 500;

/** What was in the trash when it was asked for; what comes later stays. */
const NEXT = {
  name: 'files_next_in_trash',
  text: `SELECT id FROM cloud_files
    WHERE user_id = $1 AND state = 'trashed' AND NOT protected AND trashed_at <= $2 AND id > $3 ORDER BY id LIMIT $4`,
};

type EmptyPayload = { readonly job_id: string; readonly user_id: number; readonly before: string };

/** Users' wish to empty their trash, as a job that they can look at. */
@Injectable()
export class TrashEmptying implements OnModuleInit {
  constructor(
    private readonly queue: JobQueue,
    private readonly jobs: Jobs,
    private readonly purging: FilePurge,
    private readonly statements: Statements,
    private readonly database: DataSource,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.queue.handle<EmptyPayload>(TASK, (payload, run) => this.run(payload, run), { lane: 'long' });
    this.queue.handle(UPKEEP, async () => {
      await this.jobs.failAbandoned([KIND]);
    });
    this.queue.schedule(UPKEEP, { everySeconds: UPKEEP_EVERY_SECONDS });
  }

  /** While it is being emptied already, that job is answered. */
  ask(userId: number, origin: AuditOrigin): Promise<Job> {
    const subject = `user:${userId}`;
    return this.database.transaction(async (manager) => {
      // One after the other, so that two cannot both find none.
      await manager.query('SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId]);
      const [open] = await this.jobs.open(manager, subject, KIND);
      if (open !== undefined) return open;
      const job = await this.jobs.create(manager, { userId, kind: KIND, subject });
      const before = new Date(this.clock.now()).toISOString();
      const payload: EmptyPayload = { job_id: job.id, user_id: userId, before };
      const options = { manager, maxAttempts: MAX_ATTEMPTS, jobKey: jobKeyOf(job.id) };
      await this.queue.enqueue(TASK, payload, options);
      await this.audit.record({ ...origin, action: 'trash.emptied', subject }, manager);
      return job;
    });
  }

  private async run({ job_id: jobId, user_id: userId, before }: EmptyPayload, run: JobRun): Promise<void> {
    await this.jobs.start(jobId);
    let [purged, left, after] = [0, 0, 0];
    let failure: unknown;
    const resting = new RestingBuckets();
    for (;;) {
      run.signal.throwIfAborted();
      const rows = await this.statements.query<{ id: number }>(NEXT, [userId, before, after, FILES_AT_ONCE]);
      const ids = rows.map(({ id }) => id);
      if (ids.length === 0) break;
      const outcome = await this.purging.purge(ids, { userId }, { signal: run.signal, resting });
      [purged, left, after] = [purged + outcome.purged, left + outcome.left, ids.at(-1)!];
      failure ??= outcome.failure;
      await this.jobs.progress(jobId, { deleted: purged, left });
    }
    if (left === 0) return this.jobs.succeed(jobId, { deleted: purged });
    const { code, detail } = sentenceOf(failure);
    await this.jobs.fail(jobId, code, `${left} of the files stay in the trash. ${detail}`);
  }
}

/** Only the sentences of our own errors are shown. */
function sentenceOf(error: unknown): { readonly code: string; readonly detail: string } {
  if (error instanceof StorageError || isOurs(error)) return { code: error.code, detail: error.message };
  return { code: 'internal_error', detail: 'The log of the server tells what happened.' };
}

/** Of any feature's codes. */
function isOurs(error: unknown): error is StowageError {
  return error instanceof StowageError;
}
