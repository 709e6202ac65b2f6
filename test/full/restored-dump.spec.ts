import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createUpload, send } from '../e2e/direct-upload-client.js';
import { FilesClient } from '../e2e/files-client.js';
import { copyTestDatabase, type TestDatabase } from '../support/database.js';
import { keysInBucket } from '../support/keys-in-bucket.js';
import { type S3Double, startS3Double } from '../support/s3-double/s3-double.js';
import { s3Settings } from '../support/s3-settings.js';

interface Job {
  readonly id: string;
  readonly state: string;
  readonly result: Record<string, unknown>;
  readonly error: { readonly code: string; readonly detail: string } | null;
}

/** Everything in the server that deletes unasked. */
const TASKS = [
  'files.purge_trash',
  'files.trim_versions',
  'files.retention_due',
  'files.sweeps_due',
  'uploads.expire',
];

/*
 * A server loses its database and gets one of some time before. Whatever the newer one had acknowledged is in the
 * bucket, and the older one takes it for rubbish, or for something that it may finish: until its administrator has
 * decided, not one object may go. Then the newer database comes back, and everything has to be there.
 */
describe('a server on a restored dump', () => {
  let double: S3Double;
  let client: FilesClient;
  let dump: TestDatabase;
  /** What was acknowledged, by the newest database. */
  const contents = new Map<string, Buffer>();

  beforeAll(async () => {
    double = await startS3Double();
    client = await FilesClient.start({
      env: { ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1' },
      bucket: s3Settings(double),
    });
  });

  afterAll(async () => {
    await client?.server.stop();
    await dump?.drop();
    await double?.stop();
  });

  const objects = () => keysInBucket(double);
  const path = (id: number) => `/api/v1/files/${id}/content`;

  async function put(name: string, query = ''): Promise<number> {
    const content = randomBytes(1_000);
    const response = await client.fetch(`/api/v1/files?filename=${name}${query}`, {
      method: 'PUT',
      body: content,
    });
    const { id } = (await response.json()) as { id: number };
    contents.set(path(id), content);
    return id;
  }

  async function allAreWhole(): Promise<void> {
    for (const [route, content] of contents) {
      const response = await client.fetch(route);
      expect([route, response.status]).toEqual([route, 200]);
      expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
    }
  }

  const ask = async (route: string, body?: object) =>
    client.ended<Job>(await client.json<Job>('POST', route, body));

  async function inDatabase<Result>(
    work: (sql: pg.Client) => Promise<Result>,
    url = client.server.databaseUrl,
  ) {
    const sql = new pg.Client({ connectionString: url });
    await sql.connect();
    try {
      return await work(sql);
    } finally {
      await sql.end();
    }
  }

  /** Keys that no row of the database names. */
  async function objectsWithoutRows(url: string): Promise<string[]> {
    const named = `SELECT object_key FROM cloud_files UNION SELECT object_key FROM file_versions
      UNION SELECT object_key FROM uploads`;
    const { rows } = await inDatabase((sql) => sql.query<{ object_key: string }>(named), url);
    const keys = new Set(rows.map(({ object_key: key }) => `stowage/${key}`));
    return objects().filter((key) => !keys.has(key));
  }

  /** All of them, to their ends. */
  async function runTasks(url: string): Promise<void> {
    await inDatabase(async (sql) => {
      for (const task of TASKS) {
        const { rows } = await sql.query<{ id: string }>('SELECT id FROM graphile_worker.add_job($1)', [
          task,
        ]);
        const left = 'SELECT FROM graphile_worker.jobs WHERE id = $1';
        while ((await sql.query(left, [rows[0]!.id])).rowCount !== 0) await sleep(50);
      }
    }, url);
    // Retention has a job of its own for each user.
    await inDatabase(async (sql) => {
      const busy = `SELECT FROM graphile_worker.jobs WHERE task_identifier IN ('files.retain', 'files.sweep')`;
      while ((await sql.query(busy)).rowCount !== 0) await sleep(50);
    }, url);
  }

  it('deletes nothing, says why, and the newer database finds all that it had acknowledged', async () => {
    await client.json('PUT', '/api/v1/settings/sync', {
      retention_days: 30,
      trash_days: 30,
      keep_versions: 1,
    });
    const undeleted = await put('undeleted');
    const refreshed = await put('refreshed');
    for (let count = 0; count < 5; count += 1) await put(`file-${count}`);
    await client.json('DELETE', `/api/v1/files/${undeleted}`);
    const direct = await createUpload(client, { filename: 'direct', size: 500 });
    const versioned = await put('versioned');
    expect((await ask('/api/v1/sweeps')).result).toMatchObject({ state: 'finished' });

    await client.server.terminate();
    dump = await copyTestDatabase({ url: client.server.databaseUrl, drop: () => Promise.resolve() });
    await client.server.restart();

    // What only the newer database knows.
    await client.json('POST', `/api/v1/files/${undeleted}/restore`);
    await client.json('PUT', '/api/v1/settings/sync', { keep_versions: 10, retention_days: 36_500 });
    for (const name of ['refreshed', 'versioned', 'versioned', 'versioned']) {
      const old = name === 'versioned' ? versioned : refreshed;
      const before = contents.get(path(old))!;
      const version = (await client.json<{ version: number }>('GET', `/api/v1/files/${old}`)).version;
      await put(name, '&overwrite=true');
      contents.set(`/api/v1/files/${old}/versions/${version}/content`, before);
    }
    const content = randomBytes(500);
    expect((await send(direct.urls[0]!, content)).status).toBe(200);
    const { id } = await client.json<{ id: number }>('POST', `/api/v1/uploads/${direct.id}/complete`, {});
    contents.set(path(id), content);
    await put('newer');
    await allAreWhole();
    const before = objects();

    await client.server.restart({ DATABASE_URL: dump.url });
    // In the time that has passed everything has become due that can.
    await inDatabase(async (sql) => {
      await sql.query(`UPDATE cloud_files SET uploaded_at = uploaded_at - interval '60 days',
        trashed_at = trashed_at - interval '60 days'`);
      await sql.query(`UPDATE uploads SET expires_at = now() - interval '1 hour'`);
      await sql.query('UPDATE swept_configs SET sweep_after = now()');
      await sql.query('UPDATE retention_states SET next_run_at = now()');
    }, dump.url);
    await runTasks(dump.url);
    expect(objects()).toEqual(before);
    expect((await ask('/api/v1/sweeps')).result).toMatchObject({
      state: 'stopped',
      stop: {
        code: 'reconcile_required',
        detail: expect.stringContaining('POST /api/v1/files/reconcile') as unknown,
      },
      deleted_objects: 0,
    });
    expect(await client.json('GET', '/api/v1/retention')).toMatchObject({
      state: 'locked',
      detail: expect.stringContaining('POST /api/v1/files/reconcile') as unknown,
      last_trashed_files: 0,
    });
    const emptied = await ask('/api/v1/files/trash/empty');
    expect(emptied).toMatchObject({ state: 'failed', error: { code: 'reconcile_required' } });
    expect(await client.json('GET', `/api/v1/uploads/${direct.id}`)).toMatchObject({ state: 'open' });
    // Everything else goes on.
    expect((await client.fetch('/health/ready')).status).toBe(200);
    const response = await client.fetch('/api/v1/files?filename=meanwhile', {
      method: 'PUT',
      body: 'meanwhile',
    });
    expect(response.status).toBe(201);
    expect((await ask('/api/v1/files/reconcile', { adopt: false })).result).toMatchObject({
      locked: true,
      doubt: 'other_database',
      adopted: false,
      // Eight files, and the upload that has become a file since.
      objects_without_rows: before.length - 9,
      rows_without_objects: 0,
    });
    expect(before.every((key) => objects().includes(key))).toBe(true);

    await client.server.restart();
    await allAreWhole();
    expect((await ask('/api/v1/sweeps')).result).toMatchObject({ state: 'finished', missing_files: 0 });
  }, 300_000);

  it('is unlocked by its administrator, and the other database is locked out', async () => {
    await client.server.restart({ DATABASE_URL: dump.url });
    const other = await client.otherUser();
    const refused = await other.fetch('/api/v1/files/reconcile', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ adopt: true, cloud_config_id: 1 }),
    });
    expect(refused.status).toBe(400);
    expect((await ask('/api/v1/sweeps')).result).toMatchObject({ stop: { code: 'reconcile_required' } });
    const unknown = await objectsWithoutRows(dump.url);
    expect(unknown).toHaveLength(5);
    expect((await ask('/api/v1/files/reconcile', { adopt: true })).result).toMatchObject({
      locked: false,
      doubt: 'other_database',
      adopted: true,
    });
    // What has no row is young, and was seen for the first time: nothing goes yet.
    expect((await ask('/api/v1/sweeps')).result).toMatchObject({ state: 'finished', deleted_objects: 0 });
    expect(await ask('/api/v1/files/trash/empty')).toMatchObject({ state: 'succeeded' });
    const listed = await client.json<{ data: object[] }>('GET', '/api/v1/files/trash');
    expect(listed.data).toEqual([]);
    expect(await objectsWithoutRows(dump.url)).toEqual(unknown);
    const { rows } = await inDatabase(
      (sql) =>
        sql.query(`SELECT action FROM audit_log WHERE action LIKE 'bucket.%'
      ORDER BY id`),
      dump.url,
    );
    expect(rows).toEqual([{ action: 'bucket.compared' }, { action: 'bucket.adopted' }]);

    await client.server.restart();
    expect((await ask('/api/v1/sweeps')).result).toMatchObject({
      state: 'stopped',
      stop: { code: 'reconcile_required' },
    });
  }, 300_000);
});
