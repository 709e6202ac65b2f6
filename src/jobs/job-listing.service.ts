import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { cursorTime, decodeCursor } from '../rest/cursor.js';
import { cutPage } from '../rest/cut-page.js';
import { Job, type JobState } from './job.entity.js';

export interface JobFilters {
  readonly limit: number;
  readonly cursor?: string;
  readonly state?: JobState;
  readonly subject?: string;
}

export interface JobsPage {
  readonly jobs: readonly Job[];
  readonly nextCursor: string | null;
}

interface Position {
  /** With microseconds, which a Date does not have. */
  readonly at: string;
  readonly id: string;
}

const POSITION = cursorTime('job.created_at');

/** A user's jobs, the newest first. */
@Injectable()
export class JobListing {
  constructor(private readonly database: DataSource) {}

  /** @throws RequestError `validation_failed` for a cursor that is none */
  async page(userId: number, { limit, cursor, state, subject }: JobFilters): Promise<JobsPage> {
    const query = this.database.manager
      .createQueryBuilder(Job, 'job')
      .addSelect(POSITION, 'position')
      .where('job.user_id = :userId', { userId })
      .orderBy('job.created_at', 'DESC')
      .addOrderBy('job.id', 'DESC')
      .limit(limit + 1);
    if (state !== undefined) query.andWhere('job.state = :state', { state });
    if (subject !== undefined) query.andWhere('job.subject = :subject', { subject });
    if (cursor !== undefined) {
      const after = decodeCursor<Position>(cursor, { at: 'timestamp', id: 'uuid' });
      query.andWhere('(job.created_at, job.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))', after);
    }
    const { entities, raw } = await query.getRawAndEntities<{ position: string }>();
    const rows = entities.map((job, nth) => ({ job, at: raw[nth]!.position }));
    const { shown, nextCursor } = cutPage(rows, limit, ({ job, at }) => ({ at, id: job.id }));
    return { jobs: shown.map(({ job }) => job), nextCursor };
  }
}
