import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Job } from '../../../src/jobs/job.entity.js';
import { JobListing } from '../../../src/jobs/job-listing.service.js';
import { JobQueue } from '../../../src/jobs/job-queue.service.js';
import { JobUpkeep } from '../../../src/jobs/job-upkeep.service.js';
import { jobKeyOf, Jobs } from '../../../src/jobs/jobs.service.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { startReplica } from './job-app.js';

describe('long work that users look at', () => {
  let database: TestDatabase;
  let app: INestApplicationContext;
  let jobs: Jobs;
  let source: DataSource;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startReplica(database, () => undefined, { STOWAGE_ROLES: 'api' });
    jobs = app.get(Jobs);
    source = app.get(DataSource);
  });

  afterAll(async () => {
    await app.close();
    await database.drop();
  });

  const create = (userId: number, kind = 'test.work'): Promise<Job> =>
    jobs.create(source.manager, { userId, kind, subject: 'workspace:1' });

  it('begins once, and ends once', async () => {
    const { id } = await create(1);
    await jobs.start(id);
    const began = (await jobs.find(1, id))!.startedAt;
    await jobs.start(id);
    await jobs.progress(id, { files: 3 });
    await jobs.succeed(id, { files: 7 });
    await jobs.fail(id, 'too_late', 'It has ended.');
    expect(await jobs.find(1, id)).toMatchObject({
      state: 'succeeded',
      startedAt: began,
      progress: { files: 3 },
      result: { files: 7 },
      errorCode: null,
    });
  });

  it('is nobody else’s', async () => {
    const { id } = await create(1);
    expect(await jobs.find(2, id)).toBeNull();
  });

  it('is listed page by page, the newest first, also when many began in the same moment', async () => {
    await source.query(`INSERT INTO jobs (user_id, kind, subject, created_at)
      SELECT 7, 'test.work', 'workspace:' || n, now() - (n / 3) * interval '1 microsecond' FROM generate_series(1, 10) n`);
    const listing = app.get(JobListing);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listing.page(7, { limit: 4, ...(cursor !== undefined && { cursor }) });
      seen.push(...page.jobs.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    const ordered = await source.query<{ id: string }[]>(
      'SELECT id FROM jobs WHERE user_id = 7 ORDER BY created_at DESC, id DESC',
    );
    expect(seen).toEqual(ordered.map(({ id }) => id));
    const filtered = await listing.page(7, { limit: 4, subject: 'workspace:3', state: 'queued' });
    expect(filtered.jobs).toHaveLength(1);
    await expect(listing.page(7, { limit: 4, cursor: 'eyJhdCI6MX0' })).rejects.toMatchObject({
      code: 'validation_failed',
    });
  });

  it('fails when its work is in the queue no longer', async () => {
    const lost = await create(3);
    const queued = await create(3);
    const other = await create(3, 'test.other');
    await app.get(JobQueue).enqueue('test.work', {}, { jobKey: jobKeyOf(queued.id) });
    expect(await jobs.failAbandoned(['test.work', 'test.more'])).toBeGreaterThanOrEqual(1);
    expect(await jobs.find(3, lost.id)).toMatchObject({ state: 'failed', errorCode: 'internal_error' });
    expect(await jobs.find(3, queued.id)).toMatchObject({ state: 'queued' });
    expect(await jobs.find(3, other.id)).toMatchObject({ state: 'queued' });
  });

  it('is forgotten long after its end, and so is what was given up', async () => {
    const ended = await create(4);
    const lately = await create(4);
    await jobs.succeed(ended.id, {});
    await jobs.succeed(lately.id, {});
    await source.query(`UPDATE jobs SET finished_at = now() - interval '91 days' WHERE id = $1`, [ended.id]);
    await app.get(JobQueue).enqueue('test.given_up', {}, { jobKey: 'given up' });
    await app.get(JobQueue).enqueue('test.given_up', {}, { jobKey: 'wanted' });
    await source.query(`UPDATE graphile_worker._private_jobs SET attempts = max_attempts,
      updated_at = now() - interval '8 days' WHERE key = 'given up'`);
    await app.get(JobUpkeep).clean();
    expect(await jobs.find(4, ended.id)).toBeNull();
    expect(await jobs.find(4, lately.id)).not.toBeNull();
    const left = await source.query(
      `SELECT key FROM graphile_worker.jobs WHERE task_identifier = 'test.given_up'`,
    );
    expect(left).toEqual([{ key: 'wanted' }]);
  });
});
