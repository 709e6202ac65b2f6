import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource, IsNull } from 'typeorm';
import { notFound } from '../../errors/request-errors.js';
import type { Job } from '../../jobs/job.entity.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { jobKeyOf, Jobs } from '../../jobs/jobs.service.js';
import { Workspace } from '../../repositories/workspace.entity.js';
import { CHECK } from './maintenance-tasks.service.js';
import { RepositoryChecks, type ReadDataChoice } from './repository-checks.service.js';

const CHECK_ASKED = 'repository.check_asked';
/** The repository may be busy with maintenance for some minutes. */
const MAX_ATTEMPTS = 8;

/** Checks that users ask for. */
@Injectable()
export class AskedChecks implements OnModuleInit {
  constructor(
    private readonly queue: JobQueue,
    private readonly jobs: Jobs,
    private readonly checks: RepositoryChecks,
    private readonly database: DataSource,
  ) {}

  onModuleInit(): void {
    this.queue.handle<AskedPayload>(
      CHECK_ASKED,
      ({ job_id: jobId, repository_id: repositoryId, read_data: readData }, run) =>
        this.checks.runJob(jobId, repositoryId, readData, run),
      { lane: 'bulk' },
    );
  }

  /**
   * One at a time for a workspace: while one is under way, that is answered.
   * @throws RequestError `not_found`
   */
  async ask(userId: number, workspaceId: string, readData: ReadDataChoice): Promise<Job> {
    return this.database.transaction(async (manager) => {
      const workspace = await manager.findOne(Workspace, {
        where: { id: workspaceId, userId, deletedAt: IsNull() },
        lock: { mode: 'for_no_key_update' },
      });
      if (workspace === null) throw notFound('workspace');
      const subject = `workspace:${workspaceId}`;
      const [open] = await this.jobs.open(manager, subject, CHECK);
      if (open !== undefined) return open;
      const job = await this.jobs.create(manager, { userId, kind: CHECK, subject });
      const payload: AskedPayload = {
        job_id: job.id,
        repository_id: workspace.repositoryId,
        read_data: readData,
      };
      await this.queue.enqueue(CHECK_ASKED, payload, {
        manager,
        maxAttempts: MAX_ATTEMPTS,
        jobKey: jobKeyOf(job.id),
      });
      return job;
    });
  }
}

type AskedPayload = {
  readonly job_id: string;
  readonly repository_id: string;
  readonly read_data: ReadDataChoice;
};
