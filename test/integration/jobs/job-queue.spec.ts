import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import type { JobPayload, JobRun } from '../../../src/jobs/job-handler.js';
import { JobQueue } from '../../../src/jobs/job-queue.service.js';
import { WorkerBeats } from '../../../src/jobs/worker-beats.js';
import { Metrics } from '../../../src/telemetry/metrics.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { startReplica } from './job-app.js';

describe('the job queue', () => {
  let database: TestDatabase;
  let replicas: INestApplicationContext[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterEach(async () => {
    await Promise.all(replicas.map((app) => app.close()));
    replicas = [];
  });

  afterAll(() => database.drop());

  async function replica(prepare: (queue: JobQueue) => void, variables?: Record<string, string>) {
    const app = await startReplica(database, prepare, variables);
    replicas.push(app);
    return app;
  }

  it('runs what a committed transaction enqueued, and nothing of one that was rolled back', async () => {
    const ran: JobPayload[] = [];
    const app = await replica((queue) => queue.handle('test.run', async (payload) => void ran.push(payload)));
    const enqueue = (id: number, fails: boolean) =>
      app.get(DataSource).transaction(async (manager) => {
        await app.get(JobQueue).enqueue('test.run', { id }, { manager });
        if (fails) throw new Error('rolled back');
      });
    await expect(enqueue(1, true)).rejects.toThrow('rolled back');
    await enqueue(2, false);
    await until(() => ran.length === 1);
    expect(ran).toEqual([{ id: 2 }]);
  });

  it('runs a job again that failed, and stores no word of what it threw', async () => {
    const attempts: number[] = [];
    const app = await replica((queue) =>
      queue.handle('test.fail', async (_payload, { attempt }) => {
        attempts.push(attempt);
        if (attempt === 1) throw new Error('hunter2');
      }),
    );
    await app.get(JobQueue).enqueue('test.fail', {});
    await until(async () => (await queued(app, 'test.fail'))[0]?.last_error != null);
    expect(await queued(app, 'test.fail')).toEqual([expect.objectContaining({ last_error: 'Error' })]);
    await hasten(app);
    await until(() => attempts.length === 2);
    expect(attempts).toEqual([1, 2]);
    const metrics = await app.get(Metrics).text();
    expect(metrics).toContain('stowage_jobs_total{task="test.fail",outcome="failed"} 1');
  });

  it('processes nothing without the role worker, but enqueues for those who have it', async () => {
    const ran: string[] = [];
    const prepare = (name: string) => (queue: JobQueue) =>
      queue.handle('test.role', async () => void ran.push(name));
    const api = await replica(prepare('api'), { STOWAGE_ROLES: 'api' });
    await api.get(JobQueue).enqueue('test.role', {});
    await pause(300);
    expect(ran).toEqual([]);
    await replica(prepare('worker'), { STOWAGE_ROLES: 'worker' });
    await until(() => ran.length === 1);
    expect(ran).toEqual(['worker']);
  });

  it('runs a schedule once a period with two replicas, and makes up for missed turns by one', async () => {
    const ran: number[] = [];
    const prepare = (queue: JobQueue) => {
      queue.handle('test.tick', async () => void ran.push(Math.floor(Date.now() / 1_000)));
      queue.schedule('test.tick', { everySeconds: 1 });
    };
    const [first] = await Promise.all([replica(prepare), replica(prepare)]);
    await until(() => ran.length >= 2);
    await Promise.all(replicas.map((app) => app.close()));
    replicas = [];
    expect(new Set(ran).size).toBe(ran.length);
    ran.length = 0;
    await pause(2_100);
    const later = await replica(prepare);
    await until(() => ran.length >= 1);
    expect(ran).toHaveLength(1);
    await until(async () => (await queued(later, 'test.tick')).length === 1);
    expect(first).toBeDefined();
  });

  it('turns a period that was made shorter to good account at once', async () => {
    const app = await replica((queue) => {
      queue.handle('test.rare', async () => undefined);
      queue.schedule('test.rare', { everySeconds: 86_400 });
    });
    await replica((queue) => queue.schedule('test.rare', { everySeconds: 60 }));
    const [row] = await queued(app, 'test.rare');
    expect(row!.run_at.getTime() - Date.now()).toBeLessThanOrEqual(60_000);
  });

  it('keeps upkeep from waiting for what users have asked for, and both from what is prompt', async () => {
    const ran: string[] = [];
    const lasting = async (_payload: JobPayload, { signal }: JobRun) =>
      void (await pause(60_000, undefined, { signal }));
    const app = await replica((queue) => {
      queue.handle('test.bulk', lasting, { lane: 'bulk' });
      queue.handle('test.lasting', lasting, { lane: 'long' });
      queue.handle('test.upkeep', async () => void ran.push('upkeep'), { lane: 'long' });
      queue.handle('test.prompt', async () => void ran.push('prompt'));
    });
    const jobs = app.get(JobQueue);
    for (const task of ['test.bulk', 'test.bulk', 'test.bulk']) await jobs.enqueue(task, {});
    await until(
      async () => (await queued(app, 'test.bulk')).filter(({ locked_by }) => locked_by).length === 2,
    );
    await jobs.enqueue('test.upkeep', {});
    await until(() => ran.length === 1);
    for (const task of ['test.lasting', 'test.lasting']) await jobs.enqueue(task, {});
    await until(async () => (await queued(app, 'test.lasting')).every(({ locked_by }) => locked_by));
    await jobs.enqueue('test.prompt', {});
    await until(() => ran.length === 2);
    expect(ran).toEqual(['upkeep', 'prompt']);
  });

  it('tells a running job to end when its process stops, and runs it again elsewhere', async () => {
    const runs: JobRun[] = [];
    const prepare = (queue: JobQueue) =>
      queue.handle('test.stop', async (_payload, run) => {
        runs.push(run);
        if (run.attempt === 1) await pause(60_000, undefined, { signal: run.signal });
      });
    const app = await replica(prepare);
    await app.get(JobQueue).enqueue('test.stop', {});
    await until(() => runs.length === 1);
    await app.close();
    replicas = [];
    expect(runs[0]!.signal.aborted).toBe(true);
    const next = await replica(prepare);
    await hasten(next);
    await until(() => runs.length === 2);
    expect(runs[1]!.attempt).toBe(2);
  });

  it('takes back the job of workers that are not seen any more, and tells those that come back', async () => {
    const app = await replica(() => undefined);
    const source = app.get(DataSource);
    const abandoned: string[] = [];
    const workersOf = (id: string) => ({ id, abandonRunning: () => void abandoned.push(id) });
    const timings = { beatMs: 20, deadAfterMs: 150, giveUpAfterMs: 100_000 };
    const dead = new WorkerBeats(source, [workersOf('pool-dead')], timings);
    dead.start();
    await app.get(JobQueue).enqueue('test.killed', {});
    await source.query(`UPDATE graphile_worker._private_jobs SET locked_by = 'pool-dead', locked_at = now()`);
    await pause(400);
    expect(await queued(app, 'test.killed')).toEqual([expect.objectContaining({ locked_by: 'pool-dead' })]);
    await dead.stop();
    const alive = new WorkerBeats(source, [workersOf('pool-alive')], timings);
    alive.start();
    await until(async () => (await queued(app, 'test.killed'))[0]!.locked_by === null);
    expect(abandoned).toEqual([]);
    await source.query(`DELETE FROM job_workers WHERE id = 'pool-alive'`);
    await until(() => abandoned.length > 0);
    await alive.stop();
    expect(abandoned[0]).toBe('pool-alive');
  });
});

interface QueuedRow {
  readonly run_at: Date;
  readonly last_error: string | null;
  readonly locked_by: string | null;
}

function queued(app: INestApplicationContext, task: string): Promise<QueuedRow[]> {
  return app
    .get(DataSource)
    .query(`SELECT run_at, last_error, locked_by FROM graphile_worker.jobs WHERE task_identifier = $1`, [
      task,
    ]);
}

/** What waits for another attempt need not wait. */
async function hasten(app: INestApplicationContext): Promise<void> {
  await app.get(DataSource).query(`SELECT graphile_worker.reschedule_jobs(array_agg(id), run_at => now())
    FROM graphile_worker.jobs WHERE locked_at IS NULL AND attempts > 0`);
}

async function until(holds: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error('It did not happen in time.');
    await pause(20);
  }
}
