import { randomUUID } from 'node:crypto';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../config/clock.js';
import { CloudStorages } from '../../credentials/cloud-storages.service.js';
import type { Job } from '../../jobs/job.entity.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { jobKeyOf, Jobs } from '../../jobs/jobs.service.js';
import { BucketEpochs } from '../epoch/bucket-epochs.js';
import { sweepBucket, type SweepOutcome } from './sweep-bucket.js';
import { sweepFailureOf } from './sweep-failure.js';
import { LOOK_AGAIN_MS, SWEEP_EVERY_MS } from './sweep-limits.js';
import { SweepRows } from './sweep-rows.service.js';
import { type EndedRun, SweepRuns } from './sweep-runs.service.js';
import { sweepRunJson } from './sweep-json.js';

const SWEEP = 'files.sweep';
const SWEEP_ASKED = 'files.sweep_asked';
const LOOK_FOR_DUE = 'files.sweeps_due';

const LOOK_EVERY_SECONDS = 600;
/** Places that one look finds; the others are found by the next. */
const MAX_DUE = 500;
const MAX_ATTEMPTS = 5;

/** A run that is lost has its place looked through a day later. Of several configurations of a place one is enough. */
const DUE = `WITH due AS (
    SELECT s.cloud_config_id, s.bucket_id, c.is_active FROM swept_configs s
      JOIN cloud_configs c ON c.id = s.cloud_config_id
      WHERE s.sweep_after <= now() AND c.forgotten_at IS NULL
      ORDER BY s.sweep_after LIMIT $1 FOR UPDATE OF s SKIP LOCKED
  ), taken AS (
    UPDATE swept_configs s SET sweep_after = now() + $2 * interval '1 millisecond'
      FROM due WHERE s.cloud_config_id = due.cloud_config_id
  ) SELECT DISTINCT ON (coalesce(bucket_id::text, cloud_config_id::text)) cloud_config_id AS id
    FROM due ORDER BY coalesce(bucket_id::text, cloud_config_id::text), is_active DESC`;

/** Looks through buckets every day, and when their users ask. */
@Injectable()
export class Sweeps implements OnModuleInit {
  private readonly log = new Logger(Sweeps.name);

  constructor(
    private readonly queue: JobQueue,
    private readonly jobs: Jobs,
    private readonly database: DataSource,
    private readonly storages: CloudStorages,
    private readonly epochs: BucketEpochs,
    private readonly rows: SweepRows,
    private readonly runs: SweepRuns,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    const long = { lane: 'long' } as const;
    this.queue.handle(LOOK_FOR_DUE, () => this.enqueueDue());
    this.queue.schedule(LOOK_FOR_DUE, { everySeconds: LOOK_EVERY_SECONDS });
    this.queue.handle<SweepPayload>(
      SWEEP,
      async ({ cloud_config_id: id }, { signal }) => {
        await this.run(id, signal);
      },
      long,
    );
    this.queue.handle<AskedPayload>(
      SWEEP_ASKED,
      ({ job_id: jobId, cloud_config_id: id }, { signal }) => this.runJob(jobId, id, signal),
      long,
    );
  }

  /** @throws CredentialsError `cloud_not_configured`, `sealed`, `credentials_unreadable` */
  async ask(userId: number): Promise<Job> {
    const { configId } = await this.storages.active(userId);
    const subject = `cloud_config:${configId}`;
    return this.database.transaction(async (manager) => {
      const [open] = await this.jobs.open(manager, subject, SWEEP);
      if (open !== undefined) return open;
      const job = await this.jobs.create(manager, { userId, kind: SWEEP, subject });
      const payload: AskedPayload = { job_id: job.id, cloud_config_id: configId };
      const options = { manager, maxAttempts: MAX_ATTEMPTS, jobKey: jobKeyOf(job.id) };
      await this.queue.enqueue(SWEEP_ASKED, payload, options);
      return job;
    });
  }

  async enqueueDue(): Promise<void> {
    await this.jobs.failAbandoned([SWEEP]);
    await this.database.transaction(async (manager) => {
      const due = await manager.query<{ id: number }[]>(DUE, [MAX_DUE, SWEEP_EVERY_MS]);
      for (const { id } of due) {
        const payload: SweepPayload = { cloud_config_id: id };
        await this.queue.enqueue(SWEEP, payload, { manager, jobKey: `${SWEEP}:${id}` });
      }
    });
  }

  /** @returns the run as it was recorded; undefined when the configuration is gone */
  async run(configId: number, signal: AbortSignal): Promise<EndedRun | undefined> {
    const [config] = await this.database.query<{ user_id: number }[]>(
      'SELECT user_id FROM cloud_configs WHERE id = $1',
      [configId],
    );
    if (config === undefined) return undefined;
    const id = randomUUID();
    const started = { id, userId: config.user_id, cloudConfigId: configId, startedAt: this.now() };
    const ended = await this.swept(started, signal);
    const { isUnfinished, ...run } = { ...started, ...ended, finishedAt: this.now() };
    await this.runs.record(run, new Date(this.clock.now() + (isUnfinished ? LOOK_AGAIN_MS : SWEEP_EVERY_MS)));
    if (run.stopCode !== null) this.log.warn(`Configuration ${configId} was not swept: ${run.stopCode}`);
    return run;
  }

  private async runJob(jobId: string, configId: number, signal: AbortSignal): Promise<void> {
    await this.jobs.start(jobId);
    const run = await this.run(configId, signal);
    if (run === undefined) await this.jobs.fail(jobId, 'not_found', 'The settings of this bucket are gone.');
    else await this.jobs.succeed(jobId, { ...sweepRunJson(run) });
  }

  private async swept(
    { id, userId, cloudConfigId }: Pick<EndedRun, 'id' | 'userId' | 'cloudConfigId'>,
    signal: AbortSignal,
  ): Promise<SweepEnd> {
    try {
      const opened = await this.storages.byConfigId(userId, cloudConfigId);
      const deps = { rows: this.rows, epochs: this.epochs, now: () => this.clock.now() };
      return endOf(await sweepBucket(deps, opened, { runId: id, signal }));
    } catch (error) {
      const failure = signal.aborted ? undefined : sweepFailureOf(error);
      if (failure === undefined) throw error;
      const { state, code, detail } = failure;
      return { ...NOTHING_DONE, state, stopCode: code, stopDetail: detail };
    }
  }

  private now(): Date {
    return new Date(this.clock.now());
  }
}

type SweepPayload = { readonly cloud_config_id: number };
type AskedPayload = { readonly job_id: string; readonly cloud_config_id: number };

type SweepEnd = Omit<EndedRun, 'id' | 'userId' | 'cloudConfigId' | 'startedAt' | 'finishedAt'> & {
  readonly isUnfinished: boolean;
};

const NOTHING_DONE = {
  bucketId: null,
  scannedObjects: 0,
  candidateObjects: 0,
  deletedObjects: 0,
  deletedBytes: 0,
  abortedUploads: 0,
  removedRows: 0,
  missingFiles: 0,
  foundFiles: 0,
  isUnfinished: false,
} as const;

function endOf({ stop, ...counts }: SweepOutcome): SweepEnd {
  const state = stop === undefined ? 'finished' : 'stopped';
  return { ...counts, state, stopCode: stop?.code ?? null, stopDetail: stop?.detail ?? null };
}
