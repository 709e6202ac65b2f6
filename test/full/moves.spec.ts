import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type S3Double, startS3Double } from '../support/s3-double/s3-double.js';
import { type ApiFile, FilesClient } from '../e2e/files-client.js';

interface Move {
  readonly id: string;
  readonly state: string;
  readonly problem: string | null;
  readonly job_id: string;
  readonly estimate: { readonly objects: number; readonly bytes: number };
  readonly progress: object;
  readonly left_in_place: object;
}

describe('moving house', () => {
  let bucket: S3Double;
  let client: FilesClient;
  let sql: pg.Client;
  let target: object;
  const contents = new Map<number, Buffer>();

  beforeAll(async () => {
    bucket = await startS3Double();
    const env = { ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1' };
    client = await FilesClient.start({ env, bucket: { provider: 'local_disk', bucket_name: 'old-house' } });
    sql = new pg.Client({ connectionString: client.server.databaseUrl });
    await sql.connect();
    target = {
      provider: 's3_compatible',
      endpoint: bucket.endpoint,
      bucket_name: bucket.bucket,
      region: bucket.region,
      access_key_id: bucket.credentials.accessKeyId,
      secret_access_key: bucket.credentials.secretAccessKey,
      path_style: 'true',
    };
  });

  afterAll(async () => {
    await sql?.end();
    await client?.server.stop();
    await bucket?.stop();
  });

  const post = <T = Move>(path: string, body: object = {}) =>
    client.json<T>('POST', `/api/v1/moves${path}`, body);
  const look = (id: string) => client.json<Move>('GET', `/api/v1/moves/${id}`);
  const refusal = async (path: string, body: object) => {
    const response = await client.fetch(`/api/v1/moves${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return [response.status, ((await response.json()) as { code: string }).code];
  };

  async function upload(sizeBytes: number): Promise<ApiFile> {
    const content = randomBytes(sizeBytes);
    const file = await client.upload(`${sizeBytes}.bin`, content);
    contents.set(file.id, content);
    return file;
  }

  async function reached(id: string, state: string): Promise<Move> {
    for (;;) {
      const move = await look(id);
      if (move.state === state) return move;
      if (move.problem !== null && state !== 'stopped') throw new Error(move.problem);
      await sleep(100);
    }
  }

  async function allAreWhole(): Promise<void> {
    for (const [id, content] of contents) {
      const response = await client.fetch(`/api/v1/files/${id}/content`);
      expect([id, response.status]).toEqual([id, 200]);
      expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
    }
  }

  const places = async (table: string) =>
    (await sql.query(`SELECT DISTINCT provider, cloud_config_id FROM ${table} ORDER BY 2`)).rows as object[];
  const oldObjects = () =>
    readdirSync(client.server.dataDir, { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile() && /\/f\/|\/f$/.test(entry.parentPath),
    ).length;
  const newObjects = () =>
    [...bucket.store.findBucket(bucket.bucket)!.objects.keys()].filter(isContent).length;
  const isContent = (key: string) => /(^|\/)f\//.test(key);

  it('is planned: the target is tested, what it takes is told, and nothing happens', async () => {
    for (const size of [0, 10, 300_000, 1_000, 2_000, 3_000]) await upload(size);
    const [first, second, third] = [...contents.keys()].slice(-3);
    // The first is an earlier version of the second, the third lies in the trash.
    await sql.query(
      `INSERT INTO file_versions (file_id, user_id, version, cloud_config_id, object_key, file_size, cloud_url, provider,
          checksum, checksum_source, crc32, content_type, uploaded_at)
        SELECT $2, user_id, 7, cloud_config_id, object_key, file_size, cloud_url, provider, NULL, 'client', crc32,
          content_type, now() FROM cloud_files WHERE id = $1`,
      [first, second],
    );
    await sql.query('DELETE FROM cloud_files WHERE id = $1', [first]);
    await sql.query(`UPDATE cloud_files SET state = 'trashed', trashed_at = now() WHERE id = $1`, [third]);
    contents.delete(first!);
    expect(await refusal('', { target: { ...target, secret_access_key: 'wrong' } })).toEqual([
      400,
      'invalid_credentials',
    ]);
    const same = { provider: 'local_disk', bucket_name: 'old-house' };
    expect(await refusal('', { target: same })).toEqual([400, 'validation_failed']);
    const move = await post('', { target });
    expect(move).toMatchObject({
      state: 'planned',
      target: { provider: 's3_compatible', bucket_name: bucket.bucket },
      estimate: { is_estimate: true, objects: 6, bytes: 306_010, read_requests: 6, total_usd: 0 },
      left_in_place: { repositories: 0, unreadable_objects: 0 },
    });
    expect(await refusal('', { target })).toEqual([409, 'move_under_way']);
    expect(await refusal(`/${move.id}/clean-up`, {})).toEqual([409, 'move_state']);
    expect(newObjects()).toBe(0);
    expect(await client.json('GET', '/api/v1/settings/cloud-storage')).toMatchObject({
      bucket_name: 'old-house',
    });
  });

  it('copies files, trash and versions, switches, and leaves the old objects', async () => {
    const [move] = (await client.json<{ data: Move[] }>('GET', '/api/v1/moves')).data;
    await post(`/${move!.id}/start`);
    const moved = await reached(move!.id, 'moved');
    expect(moved).toMatchObject({
      estimate: { objects: 0 },
      progress: { copied_objects: 6, copied_bytes: 306_010, failed_objects: 0 },
    });
    expect(await client.json('GET', `/api/v1/jobs/${moved.job_id}`)).toMatchObject({
      state: 'succeeded',
      result: { objects: 6, bytes: 306_010, left_behind: 0 },
    });
    const everywhere = [{ provider: 's3_compatible', cloud_config_id: expect.any(Number) as unknown }];
    expect([await places('cloud_files'), await places('file_versions')]).toEqual([everywhere, everywhere]);
    await sql.query(`UPDATE cloud_files SET state = 'stored', trashed_at = NULL WHERE state = 'trashed'`);
    await allAreWhole();
    const { rows } = await sql.query('SELECT checksum, checksum_source FROM file_versions');
    expect(rows).toEqual([
      { checksum: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown, checksum_source: 'server' },
    ]);
    expect(await client.json('GET', '/api/v1/settings/cloud-storage')).toMatchObject({
      bucket_name: bucket.bucket,
      configured: true,
    });
    expect([newObjects(), oldObjects()]).toEqual([6, 6]);
    await upload(50);
    expect([newObjects(), oldObjects()]).toEqual([7, 6]);
  });

  it('deletes the old objects when it is told to', async () => {
    const [move] = (await client.json<{ data: Move[] }>('GET', '/api/v1/moves')).data;
    await post(`/${move!.id}/clean-up`);
    await reached(move!.id, 'finished');
    expect([newObjects(), oldObjects()]).toEqual([7, 0]);
    await allAreWhole();
  });

  it('that is cancelled leaves everything as it was', async () => {
    const move = await post('', { target: { provider: 'local_disk', bucket_name: 'third-house' } });
    await post(`/${move.id}/cancel`);
    await reached(move.id, 'cancelled');
    expect([newObjects(), oldObjects()]).toEqual([7, 0]);
    expect(await refusal(`/${move.id}/start`, {})).toEqual([409, 'move_state']);
  });

  it('stops at what cannot be copied, until the user leaves it behind', async () => {
    const lost = await upload(77);
    const { rows } = await sql.query<{ object_key: string }>(
      'SELECT object_key FROM cloud_files WHERE id = $1',
      [lost.id],
    );
    const { objects } = bucket.store.findBucket(bucket.bucket)!;
    for (const key of objects.keys()) if (key.endsWith(rows[0]!.object_key)) objects.delete(key);
    contents.delete(lost.id);
    const move = await post('', { target: { provider: 'local_disk', bucket_name: 'third-house' } });
    await post(`/${move.id}/start`);
    expect((await reached(move.id, 'stopped')).problem).toMatch(/^1 objects cannot be copied/);
    expect(await client.json('GET', '/api/v1/settings/cloud-storage')).toMatchObject({
      bucket_name: bucket.bucket,
    });
    await post(`/${move.id}/start`, { skip_failed: true });
    expect(await reached(move.id, 'moved')).toMatchObject({
      progress: { copied_objects: 7, failed_objects: 1 },
    });
    await allAreWhole();
    expect((await client.fetch(`/api/v1/files/${lost.id}/content`)).status).toBe(404);
    await post(`/${move.id}/clean-up`);
    await reached(move.id, 'finished');
    await allAreWhole();
    expect(newObjects()).toBe(0);
  });
});
