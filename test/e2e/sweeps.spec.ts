import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { FilesClient } from './files-client.js';

interface Sweep {
  readonly id: string;
  readonly state: string;
  readonly stop: { readonly code: string; readonly detail: string } | null;
  readonly candidate_objects: number;
  readonly deleted_objects: number;
}

interface Job {
  readonly id: string;
  readonly state: string;
  readonly result: Sweep;
}

const HOUR_MS = 3_600_000;

describe('a sweep that would delete more than its limit', () => {
  let client: FilesClient;
  let other: FilesClient;
  let sql: pg.Client;
  let stopped: Sweep;

  beforeAll(async () => {
    client = await FilesClient.start();
    other = await client.otherUser();
    sql = new pg.Client({ connectionString: client.server.databaseUrl });
    await sql.connect();
    for (let at = 0; at < 12; at += 1) await client.upload(`kept ${at}`, `kept ${at}`);
    await orphan(3);
  });

  afterAll(async () => {
    await sql?.end();
    await client?.server.stop();
  });

  /** Objects whose rows are gone, and that are two days old. */
  async function orphan(count: number): Promise<void> {
    const keys: string[] = [];
    for (let at = 0; at < count; at += 1) {
      const { id } = await client.upload('orphan', 'orphan');
      const { rows } = await sql.query<{ object_key: string }>(
        'DELETE FROM cloud_files WHERE id = $1 RETURNING object_key',
        [id],
      );
      keys.push(rows[0]!.object_key);
    }
    const old = new Date(Date.now() - 48 * HOUR_MS);
    for (const path of await objects()) {
      if (keys.some((key) => path.endsWith(key))) await utimes(path, old, old);
    }
  }

  async function objects(): Promise<string[]> {
    const entries = await readdir(client.server.dataDir, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    return paths.filter((path) => /\/f\/[^/]+\/[^/]+$/.test(path));
  }

  async function sweep(): Promise<Sweep> {
    const { id } = await client.json<Job>('POST', '/api/v1/sweeps');
    for (;;) {
      const job = await client.json<Job>('GET', `/api/v1/jobs/${id}`);
      if (job.state === 'succeeded') return job.result;
      if (job.state === 'failed') throw new Error(JSON.stringify(job));
      await sleep(50);
    }
  }

  /** As if it had happened two hours earlier. */
  const letTimePass = () =>
    sql.query(`UPDATE sweep_sightings SET first_seen_at = first_seen_at - interval '2 hours'`);

  async function confirm(id: string, candidates: unknown, user = client): Promise<[number, string?]> {
    const response = await user.fetch(`/api/v1/sweeps/${id}/confirm`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ candidate_objects: candidates }),
    });
    return [response.status, ((await response.json()) as { code?: string }).code];
  }

  it('stops, says so, and goes on stopping', async () => {
    expect(await sweep()).toMatchObject({
      state: 'stopped',
      stop: { code: 'too_many' },
      candidate_objects: 3,
    });
    await letTimePass();
    stopped = await sweep();
    expect(stopped).toMatchObject({ state: 'stopped', candidate_objects: 3, deleted_objects: 0 });
    const { data } = await client.json<{ data: Sweep[] }>('GET', '/api/v1/sweeps');
    expect(data).toHaveLength(2);
    expect(data[0]).toEqual(stopped);
    expect(stopped.stop!.detail).toMatch(/^3 of 15 objects have no row/);
    expect(await objects()).toHaveLength(15);
  });

  it('is confirmed by nobody else, by no other number, and not when a later one has looked', async () => {
    expect(await confirm(stopped.id, 3, other)).toEqual([404, 'not_found']);
    expect(await confirm(randomUUID(), 3)).toEqual([404, 'not_found']);
    expect(await confirm('one', 3)).toEqual([400, 'validation_failed']);
    expect(await confirm(stopped.id, 0)).toEqual([400, 'validation_failed']);
    expect(await confirm(stopped.id, 4)).toEqual([409, 'plan_changed']);
    const outdated = stopped;
    stopped = await sweep();
    expect(await confirm(outdated.id, 3)).toEqual([409, 'plan_changed']);
    expect((await other.json<{ data: Sweep[] }>('GET', '/api/v1/sweeps')).data).toEqual([]);
  });

  it('deletes what was confirmed, once, and nothing that came later', async () => {
    const answers = await Promise.all([confirm(stopped.id, 3), confirm(stopped.id, 3)]);
    expect(answers.toSorted()).toEqual([
      [200, undefined],
      [409, 'plan_changed'],
    ]);
    expect(await confirm(stopped.id, 3)).toEqual([409, 'plan_changed']);
    await orphan(4);
    expect(await sweep()).toMatchObject({ state: 'stopped', candidate_objects: 7, deleted_objects: 3 });
    await letTimePass();
    const later = await sweep();
    expect(later).toMatchObject({ state: 'stopped', candidate_objects: 4, deleted_objects: 0 });
    expect(await objects()).toHaveLength(16);
    expect(await confirm(later.id, 4)).toEqual([200, undefined]);
    const last = await sweep();
    expect(last).toMatchObject({ state: 'finished', stop: null, deleted_objects: 4 });
    expect(await confirm(last.id, 4)).toEqual([409, 'plan_changed']);
    const files = await client.list();
    expect(files).toHaveLength(12);
    for (const { id, filename } of files) {
      expect(await (await client.fetch(`/api/v1/files/${id}/content`)).text()).toBe(filename);
    }
  });
});
