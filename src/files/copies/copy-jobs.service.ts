import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type JobPayload, type JobRun } from '../../jobs/job-handler.js';
import type { Job } from '../../jobs/job.entity.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { jobKeyOf, Jobs } from '../../jobs/jobs.service.js';
import type { IdempotencyClaim } from '../../rest/idempotency-claim.decorator.js';
import { tooManyUploads } from '../file-errors.js';
import { isFinalFailure } from '../final-failure.js';
import { type CopyPlace, FileCopies } from './file-copies.js';

/** What users see of it. */
const KIND = 'file.copy';
const TASK = 'files.copy';
const FAIL_ABANDONED = 'files.fail_abandoned_copies';
const ABANDONED_EVERY_SECONDS = 600;
const MAX_ATTEMPTS = 5;
const MAX_OPEN_PER_USER = 100;
/** One user's copies run one after the other: they shall not keep those of all others waiting. */
const QUEUES = 8;

interface CopyPayload extends JobPayload {
  /** Also the operation that the copy is known by: a run that was interrupted is not repeated once there is a file. */
  readonly job_id: string;
  readonly user_id: number;
  readonly file_id: number;
  /** A CopyPlace as JSON. */
  readonly place: string;
}

/** Copies that nobody waits for: whatever lies between may cut a request that takes minutes. */
@Injectable()
export class CopyJobs implements OnModuleInit {
  constructor(
    private readonly queue: JobQueue,
    private readonly jobs: Jobs,
    private readonly copies: FileCopies,
    private readonly database: DataSource,
  ) {}

  onModuleInit(): void {
    this.queue.handle<CopyPayload>(TASK, (payload, run) => this.run(payload, run), { lane: 'bulk' });
    this.queue.handle(FAIL_ABANDONED, async () => void (await this.jobs.failAbandoned([KIND])));
    this.queue.schedule(FAIL_ABANDONED, { everySeconds: ABANDONED_EVERY_SECONDS });
  }

  /** @throws what `FileCopies.copy` throws before the first byte; FilesError `too_many_uploads` */
  async ask(
    userId: number,
    fileId: number,
    place: CopyPlace,
    claim: Pick<IdempotencyClaim, 'operationId' | 'resumed'> | undefined,
  ): Promise<Job> {
    const known = claim?.resumed ? await this.jobs.find(userId, claim.operationId) : null;
    if (known !== null) return known;
    await this.copies.assertAllowed(userId, fileId, place);
    return this.database.transaction(async (manager) => {
      if ((await this.jobs.countOpen(manager, userId, KIND)) >= MAX_OPEN_PER_USER) throw tooManyUploads();
      const subject = `file:${fileId}`;
      const job = await this.jobs.create(manager, { id: claim?.operationId, userId, kind: KIND, subject });
      const payload: CopyPayload = {
        job_id: job.id,
        user_id: userId,
        file_id: fileId,
        place: JSON.stringify(place),
      };
      await this.queue.enqueue(TASK, payload, {
        manager,
        maxAttempts: MAX_ATTEMPTS,
        jobKey: jobKeyOf(job.id),
        queueName: `${TASK}:${userId % QUEUES}`,
      });
      return job;
    });
  }

  private async run({ job_id: jobId, user_id, file_id, place }: CopyPayload, run: JobRun): Promise<void> {
    await this.jobs.start(jobId);
    try {
      const claim = { operationId: jobId, resumed: true };
      const wanted = JSON.parse(place) as CopyPlace;
      const copy = await this.copies.copy([user_id, file_id], wanted, claim, { signal: run.signal });
      await this.jobs.succeed(jobId, { file_id: copy.id, size: copy.sizeBytes, checksum: copy.checksum });
    } catch (error) {
      if (!isFinalFailure(error, run)) throw error;
      await this.jobs.fail(jobId, error.code, error.message);
    }
  }
}
