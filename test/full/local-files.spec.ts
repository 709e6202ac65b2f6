import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { FilesClient } from '../e2e/files-client.js';
import { noise } from '../support/noise.js';
import { type S3Double, startS3Double } from '../support/s3-double/s3-double.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { untilReady } from '../support/until-ready.js';

const FILES = 1_000;
const BATCHES = 20;
/** From none over one call with a buffer to one with a stream. */
const SIZES = [0, 1, 5_000, 70_000, 262_144, 262_145, 900_000];

/** What happens to the line to the bucket, in turn. */
const FAULTS: readonly ((proxy: TcpProxy) => void)[] = [
  ({ faults }) => (faults.refuse = true),
  ({ faults }) => (faults.unavailable = true),
  (proxy) => proxy.reset(),
  ({ faults }) => (faults.cutAfterUpBytes = 100_000),
  ({ faults }) => (faults.cutAfterDownBytes = 10),
];

function mend({ faults }: TcpProxy): void {
  Object.assign(faults, {
    refuse: false,
    unavailable: false,
    cutAfterUpBytes: undefined,
    cutAfterDownBytes: undefined,
  });
}

describe('1,000 local files, while the bucket fails and the server is killed', () => {
  let double: S3Double;
  let proxy: TcpProxy;
  let client: FilesClient;
  let database: pg.Client;
  let root: string;
  const expected = new Map<number, string>();

  beforeAll(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'stowage-local-files-')));
    await mkdir(join(root, 'in'));
    double = await startS3Double();
    proxy = await startTcpProxy({ port: Number(new URL(double.endpoint).port) });
    const { bucket, region, credentials } = double;
    client = await FilesClient.start({
      env: { LOCAL_FILES_ROOTS: join(root, 'in'), ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1' },
      bucket: {
        provider: 's3_compatible',
        endpoint: `http://127.0.0.1:${proxy.port}`,
        bucket_name: bucket,
        region,
        access_key_id: credentials.accessKeyId,
        secret_access_key: credentials.secretAccessKey,
        path_style: 'true',
      },
    });
    await client.json('PUT', '/api/v1/settings/sync', { sync_on_create: true });
    database = new pg.Client({ connectionString: client.server.databaseUrl });
    await database.connect();
  });

  afterAll(async () => {
    await database?.end();
    await client?.server.stop();
    await proxy?.stop();
    await double?.stop();
    await rm(root, { recursive: true, force: true });
  });

  const count = async (state: string) => {
    const statement = 'SELECT count(*)::integer AS n FROM local_file_syncs WHERE state = $1';
    return (await database.query<{ n: number }>(statement, [state])).rows[0]!.n;
  };

  /** In one transaction, so that none of them is uploaded before all are there. */
  async function addBatch(batch: number): Promise<void> {
    await database.query('BEGIN');
    for (let at = 0; at < FILES / BATCHES; at++) {
      const number = batch * (FILES / BATCHES) + at;
      const content = noise(SIZES[number % SIZES.length]!, `local ${number}`);
      const path = join(root, 'in', String(number));
      await writeFile(path, content);
      const { rows } = await database.query<{ id: number }>(
        'INSERT INTO pixe_files (user_id, filename, file_path, file_size) VALUES ($1, $2, $3, $4) RETURNING id',
        [client.server.userId, `file ${number}`, path, content.length],
      );
      expected.set(rows[0]!.id, createHash('sha256').update(content).digest('hex'));
    }
    await database.query('COMMIT');
  }

  /** @returns whether that was in the middle of uploads */
  async function killInTheMiddle(delayMs: number): Promise<boolean> {
    const isDone = async () => (await count('synced')) === expected.size;
    await untilReady('An upload', async () => (await count('uploading')) > 0 || (await isDone()), {
      timeoutMs: 400_000,
    });
    await sleep(delayMs);
    await client.server.kill();
    const wasInTheMiddle = (await count('uploading')) > 0;
    await client.server.restart();
    return wasInTheMiddle;
  }

  it('loses none, doubles none, and alters none', async () => {
    let killsInTheMiddle = 0;
    for (let batch = 0; batch < BATCHES; batch++) {
      await addBatch(batch);
      if (batch % 2 === 0) {
        await sleep(100 + ((batch * 130) % 400));
        FAULTS[(batch / 2) % FAULTS.length]!(proxy);
        await sleep(600);
        mend(proxy);
      } else {
        proxy.faults.latencyMs = 50;
        if (await killInTheMiddle((batch * 37) % 120)) killsInTheMiddle += 1;
        proxy.faults.latencyMs = 0;
      }
    }
    expect(killsInTheMiddle).toBeGreaterThanOrEqual(5);
    await untilReady('Every file', async () => (await count('synced')) === FILES, {
      timeoutMs: 420_000,
      explain: () => client.server.logs().split('\n').slice(-20).join('\n'),
    });

    const { rows } = await database.query<{
      id: number;
      local_file_id: number;
      checksum: string;
      version: number;
      state: string;
    }>('SELECT id, local_file_id, checksum, version, state FROM cloud_files ORDER BY id');
    const stored = rows.filter(({ state }) => state === 'stored');
    expect(stored).toHaveLength(FILES);
    expect(new Set(stored.map((file) => file.local_file_id)).size).toBe(FILES);
    expect((await database.query('SELECT FROM file_versions')).rows).toHaveLength(0);
    for (const file of stored) {
      expect([file.checksum, file.version]).toEqual([expected.get(file.local_file_id), 1]);
      const response = await client.fetch(`/api/v1/files/${file.id}/content`);
      const content = new Uint8Array(await response.arrayBuffer());
      expect(createHash('sha256').update(content).digest('hex')).toBe(file.checksum);
    }
  }, 900_000);

  it('tells webhooks of a file that does not get there, once, and goes on when the bucket is back', async () => {
    await client.json('POST', '/api/v1/webhooks', {
      url: 'http://127.0.0.1:9/hooks',
      event_types: ['file.sync_failed'],
    });
    proxy.faults.refuse = true;
    proxy.reset();
    const path = join(root, 'in', 'late');
    await writeFile(path, 'late');
    const { id } = await client.json<{ id: number }>('POST', '/api/v1/local-files', { path });
    const told = async () =>
      (await database.query<{ body: string }>(`SELECT body FROM webhook_deliveries`)).rows.map(
        ({ body }) => (JSON.parse(body) as { data: { local_file_id: number; attempts: number } }).data,
      );
    await untilReady('The event', async () => (await told()).length > 0, { timeoutMs: 400_000 });
    const failed = await client.json<{ state: string; reason: { code: string } }>(
      'GET',
      `/api/v1/local-files/${id}`,
    );
    expect([failed.state, failed.reason.code]).toEqual(['failed', 'endpoint_unreachable']);
    mend(proxy);
    await client.json('POST', `/api/v1/local-files/${id}/upload`);
    await untilReady(
      'The late file',
      async () =>
        (await client.json<{ state: string }>('GET', `/api/v1/local-files/${id}`)).state === 'synced',
      { timeoutMs: 120_000 },
    );
    expect(await told()).toMatchObject([{ local_file_id: id, attempts: 5 }]);
  }, 600_000);
});
