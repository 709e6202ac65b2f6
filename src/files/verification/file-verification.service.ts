import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CloudStorages } from '../../credentials/cloud-storages.service.js';
import { notFound } from '../../errors/request-errors.js';
import type { JobRun } from '../../jobs/job-handler.js';
import type { Job } from '../../jobs/job.entity.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { jobKeyOf, Jobs } from '../../jobs/jobs.service.js';
import { CloudFile } from '../cloud-file.entity.js';
import { isFinalFailure } from '../final-failure.js';
import { type Verdict, verifyContent } from './verify-content.js';

/** What users see of it. */
const KIND = 'file.verify';
const TASK = 'files.verify';
const FAIL_ABANDONED = 'files.fail-abandoned-verifications';
const ABANDONED_EVERY_SECONDS = 600;
const MAX_ATTEMPTS = 5;
const PROGRESS_EVERY_MS = 2_000;

type VerifyPayload = { readonly job_id: string; readonly file_id: number };

/** Reads files back from their buckets when somebody asks for it, and vouches for what it finds. */
@Injectable()
export class FileVerification implements OnModuleInit {
  constructor(
    private readonly queue: JobQueue,
    private readonly jobs: Jobs,
    private readonly storages: CloudStorages,
    private readonly database: DataSource,
  ) {}

  onModuleInit(): void {
    this.queue.handle<VerifyPayload>(TASK, (payload, run) => this.run(payload, run), { lane: 'bulk' });
    this.queue.handle(FAIL_ABANDONED, async () => void (await this.jobs.failAbandoned([KIND])));
    this.queue.schedule(FAIL_ABANDONED, { everySeconds: ABANDONED_EVERY_SECONDS });
  }

  /**
   * One at a time for a file: while one is under way, that is answered.
   * @throws RequestError `not_found`
   */
  async ask(userId: number, fileId: number): Promise<Job> {
    return this.database.transaction(async (manager) => {
      const file = await manager.findOne(CloudFile, {
        where: { id: fileId, userId, state: 'stored' },
        lock: { mode: 'for_no_key_update' },
      });
      if (file === null) throw notFound('file');
      const subject = `file:${fileId}`;
      const [open] = await this.jobs.open(manager, subject, KIND);
      if (open !== undefined) return open;
      const job = await this.jobs.create(manager, { userId, kind: KIND, subject });
      const payload: VerifyPayload = { job_id: job.id, file_id: fileId };
      const jobKey = jobKeyOf(job.id);
      await this.queue.enqueue(TASK, payload, { manager, maxAttempts: MAX_ATTEMPTS, jobKey });
      return job;
    });
  }

  private async run({ job_id: jobId, file_id: fileId }: VerifyPayload, run: JobRun): Promise<void> {
    await this.jobs.start(jobId);
    const file = await this.database.manager.findOneBy(CloudFile, { id: fileId, state: 'stored' });
    if (file === null) return this.jobs.fail(jobId, 'not_found', 'The file was deleted meanwhile.');
    try {
      const verdict = await this.verify(file, run.signal, this.progressOf(jobId));
      await this.conclude(jobId, file, verdict);
    } catch (error) {
      if (!isFinalFailure(error, run)) throw error;
      await this.jobs.fail(jobId, error.code, error.message);
    }
  }

  private async verify(
    file: CloudFile,
    signal: AbortSignal,
    onBytes: (bytes: number) => void,
  ): Promise<Verdict> {
    const { storage } = await this.storages.byConfigId(file.userId, file.cloudConfigId);
    return verifyContent(storage, { ...file, sizeBytes: file.fileSize }, signal, onBytes);
  }

  private async conclude(jobId: string, file: CloudFile, verdict: Verdict): Promise<void> {
    const { checksum, crc32, sizeBytes, differs } = verdict;
    if (differs !== undefined) {
      const detail = `The object in the bucket is not what was announced: ${differs}. Upload the file again, or restore it from a copy.`;
      return this.jobs.fail(jobId, 'file_damaged', detail);
    }
    // A content that has come meanwhile is another one.
    const { id, objectKey, cloudConfigId } = file;
    const proven = { checksum, crc32, checksumSource: 'server' } as const;
    await this.database.manager.update(CloudFile, { id, objectKey, cloudConfigId }, proven);
    await this.jobs.succeed(jobId, { file_id: id, size: sizeBytes, checksum });
  }

  private progressOf(jobId: string): (bytes: number) => void {
    let toldMs = performance.now();
    return (bytes) => {
      if (performance.now() - toldMs < PROGRESS_EVERY_MS) return;
      toldMs = performance.now();
      // Only a look at it: the next one tells more.
      this.jobs.progress(jobId, { bytes_read: bytes }).catch(() => undefined);
    };
  }
}
