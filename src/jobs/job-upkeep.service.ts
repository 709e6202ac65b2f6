import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { JobQueue } from './job-queue.service.js';

const TASK = 'jobs.clean';
const EVERY_SECONDS = 6 * 3_600;
/** Somebody may want to see why a job was given up. */
const GIVEN_UP_KEPT_DAYS = 7;
/** What users see of long work that has ended. */
const ENDED_KEPT_DAYS = 90;

/** Lets nothing pile up: jobs that were given up, and what users have long seen the end of. */
@Injectable()
export class JobUpkeep implements OnModuleInit {
  constructor(
    private readonly queue: JobQueue,
    private readonly database: DataSource,
  ) {}

  onModuleInit(): void {
    this.queue.handle(TASK, () => this.clean());
    this.queue.schedule(TASK, { everySeconds: EVERY_SECONDS });
  }

  async clean(): Promise<void> {
    await this.database.query(REMOVE_GIVEN_UP, [GIVEN_UP_KEPT_DAYS]);
    await this.database.query(REMOVE_ENDED, [ENDED_KEPT_DAYS]);
  }
}

const REMOVE_GIVEN_UP = `SELECT graphile_worker.complete_jobs(array_agg(id)) FROM graphile_worker.jobs
  WHERE attempts >= max_attempts AND locked_at IS NULL AND updated_at < now() - $1 * interval '1 day'`;

const REMOVE_ENDED = `DELETE FROM jobs WHERE finished_at < now() - $1 * interval '1 day'`;
