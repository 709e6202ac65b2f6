import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startServer, type TestServer } from '../support/server.js';

describe('a retried change', () => {
  let server: TestServer;
  let sql: pg.Client;

  beforeAll(async () => {
    server = await startServer();
    sql = new pg.Client({ connectionString: server.databaseUrl });
    await sql.connect();
    const configured = await send('PUT', '/api/v1/settings/cloud-storage', undefined, {
      provider: 'local_disk',
      bucket_name: 'files',
    });
    expect(configured.status).toBe(200);
  });

  afterAll(async () => {
    await sql?.end();
    await server?.stop();
  });

  function send(
    method: string,
    path: string,
    key: string | undefined,
    body?: object | Uint8Array,
  ): Promise<Response> {
    const isBytes = body instanceof Uint8Array;
    return fetch(server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${server.adminKey}`,
        'content-type': isBytes ? 'application/octet-stream' : 'application/json',
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      body: isBytes ? (body as BodyInit) : JSON.stringify(body),
    });
  }

  const filesNamed = async (name: string): Promise<object[]> => {
    const response = await send('GET', `/api/v1/files?filename_prefix=${name}`, undefined);
    return ((await response.json()) as { data: object[] }).data;
  };

  it('makes one API key and shows its secret again, to its maker only', async () => {
    const key = randomUUID();
    const body = { name: 'twice', kind: 'user' };
    const first = await send('POST', '/api/v1/api-keys', key, body);
    const created = (await first.json()) as { key: string };
    expect(first.status).toBe(201);
    const again = await send('POST', '/api/v1/api-keys', key, body);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.json()).toEqual(created);
    const { rows } = await sql.query(`SELECT count(*)::int AS keys FROM api_keys WHERE name = 'twice'`);
    expect(rows[0].keys).toBe(1);
    const stored = await sql.query(`SELECT row_to_json(k)::text AS row FROM idempotency_keys k`);
    expect(JSON.stringify(stored.rows)).not.toContain(created.key);
  });

  it('stores one file for an upload that is sent twice', async () => {
    const key = randomUUID();
    const upload = () => send('PUT', '/api/v1/files?filename=once.bin', key, new Uint8Array(5_000));
    const first = (await (await upload()).json()) as { id: number };
    const again = await upload();
    expect(again.status).toBe(201);
    expect(await again.json()).toEqual(first);
    expect(again.headers.get('location')).toBe(`/api/v1/files/${first.id}`);
    expect(await filesNamed('once.bin')).toHaveLength(1);
  });

  it('finds the file of an attempt that crashed after storing it and before answering', async () => {
    const key = randomUUID();
    const upload = () => send('PUT', '/api/v1/files?filename=crashed.bin', key, new Uint8Array(5_000));
    const first = (await (await upload()).json()) as { id: number };
    // What a kill between the file's commit and the answer's leaves behind.
    await sql.query(
      `UPDATE idempotency_keys SET state = 'in_progress', status = NULL, headers = NULL, body = NULL, locked_until = now()
       WHERE key = $1`,
      [key],
    );
    const again = await upload();
    expect(again.status).toBe(201);
    expect(await again.json()).toMatchObject({ id: first.id });
    expect(await filesNamed('crashed.bin')).toHaveLength(1);
  });

  it('works after the process was killed in the middle of the first attempt', async () => {
    const key = randomUUID();
    const sizeBytes = 200_000;
    const broken = httpRequest(`${server.url}/api/v1/files?filename=killed.bin`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${server.adminKey}`,
        'content-type': 'application/octet-stream',
        'content-length': sizeBytes,
        'idempotency-key': key,
      },
    });
    const cut = new Promise((resolve) => broken.on('error', resolve));
    broken.write(Buffer.alloc(sizeBytes / 2));
    await claimed(key);
    await server.kill();
    await cut;
    await server.restart();

    const upload = () => send('PUT', '/api/v1/files?filename=killed.bin', key, new Uint8Array(sizeBytes));
    const waiting = await upload();
    expect(waiting.status).toBe(409);
    expect(Number(waiting.headers.get('retry-after'))).toBeGreaterThan(0);
    // Instead of waiting a minute for the lease of the dead process.
    await sql.query(`UPDATE idempotency_keys SET locked_until = now() WHERE key = $1`, [key]);
    expect((await upload()).status).toBe(201);
    expect((await upload()).headers.get('idempotency-replayed')).toBe('true');
    expect(await filesNamed('killed.bin')).toHaveLength(1);
  });

  async function claimed(key: string): Promise<void> {
    for (const startMs = performance.now(); performance.now() - startMs < 10_000; await pause(20)) {
      if ((await sql.query(`SELECT 1 FROM idempotency_keys WHERE key = $1`, [key])).rowCount === 1) return;
    }
    throw new Error('The key was not claimed.');
  }
});
