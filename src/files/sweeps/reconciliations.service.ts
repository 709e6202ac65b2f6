import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../../auth/audit-log.service.js';
import { Clock } from '../../config/clock.js';
import { CloudStorages } from '../../credentials/cloud-storages.service.js';
import type { JobRun } from '../../jobs/job-handler.js';
import type { Job } from '../../jobs/job.entity.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { jobKeyOf, Jobs } from '../../jobs/jobs.service.js';
import { BucketEpochs } from '../epoch/bucket-epochs.js';
import { compareBucket } from './compare-bucket.js';
import { sweepFailureOf } from './sweep-failure.js';
import { SweepRows } from './sweep-rows.service.js';

const RECONCILE = 'files.reconcile';
const MAX_ATTEMPTS = 5;
/** Names of each kind in the report. */
const MAX_NAMED = 100;

/** Compares buckets with the database, and declares that both belong together again. */
@Injectable()
export class Reconciliations implements OnModuleInit {
  constructor(
    private readonly queue: JobQueue,
    private readonly jobs: Jobs,
    private readonly database: DataSource,
    private readonly storages: CloudStorages,
    private readonly epochs: BucketEpochs,
    private readonly rows: SweepRows,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.queue.handle<ReconcilePayload>(RECONCILE, (payload, run) => this.run(payload, run), {
      lane: 'long',
    });
  }

  /** @throws CredentialsError `cloud_not_configured`, `sealed`, `credentials_unreadable` */
  async ask(
    userId: number,
    { adopt, configId: asked }: AskedReconciliation,
    origin: AuditOrigin,
  ): Promise<Job> {
    const { configId } = await (asked === undefined
      ? this.storages.active(userId)
      : this.storages.byConfigId(userId, asked));
    const subject = `cloud_config:${configId}`;
    return this.database.transaction(async (manager) => {
      const job = await this.jobs.create(manager, { userId, kind: RECONCILE, subject });
      const payload: ReconcilePayload = { job_id: job.id, user_id: userId, cloud_config_id: configId, adopt };
      const options = { manager, maxAttempts: MAX_ATTEMPTS, jobKey: jobKeyOf(job.id) };
      await this.queue.enqueue(RECONCILE, payload, options);
      const action = adopt ? 'bucket.adopted' : 'bucket.compared';
      await this.audit.record({ ...origin, action, subject, details: { job_id: job.id } }, manager);
      return job;
    });
  }

  private async run(payload: ReconcilePayload, { signal, isLastAttempt }: JobRun): Promise<void> {
    const { job_id: jobId } = payload;
    await this.jobs.start(jobId);
    try {
      await this.jobs.succeed(jobId, await this.compare(payload, signal));
    } catch (error) {
      const failure = signal.aborted ? undefined : sweepFailureOf(error);
      if (failure === undefined && !isLastAttempt) throw error;
      const { code, detail } = failure ?? UNKNOWN_FAILURE;
      await this.jobs.fail(jobId, code, detail);
    }
  }

  private async compare(payload: ReconcilePayload, signal: AbortSignal): Promise<Record<string, unknown>> {
    const { user_id: userId, cloud_config_id: configId, adopt } = payload;
    const opened = await this.storages.byConfigId(userId, configId);
    const verdict = await this.epochs.look(opened, signal);
    const nowMs = this.clock.now();
    const comparison = await compareBucket(this.rows, {
      configId,
      storage: opened.storage,
      objectsBeforeMs: nowMs,
      rowsBeforeMs: nowMs,
      signal,
    });
    if (adopt) await this.epochs.adopt(opened, signal);
    const { scannedObjects, liveRows, objects, absent } = comparison;
    return {
      locked: verdict.kind === 'different' && !adopt,
      doubt: verdict.kind === 'different' ? verdict.doubt : null,
      adopted: adopt,
      scanned_objects: scannedObjects,
      files_and_versions: liveRows,
      objects_without_rows: objects.count,
      object_keys: objects.first.slice(0, MAX_NAMED).map(({ key }) => key),
      rows_without_objects: absent.count,
      files_without_objects: absent.first
        .filter(({ kind }) => kind === 'file')
        .slice(0, MAX_NAMED)
        .map(({ id }) => id),
    };
  }
}

export interface AskedReconciliation {
  readonly adopt: boolean;
  /** The active one when absent. */
  readonly configId: number | undefined;
}

type ReconcilePayload = {
  readonly job_id: string;
  readonly user_id: number;
  readonly cloud_config_id: number;
  readonly adopt: boolean;
};

const UNKNOWN_FAILURE = {
  code: 'internal_error',
  detail:
    'The comparison did not come to its end. Ask for it again; the log of the server tells what happened.',
} as const;
