import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startServer, type TestServer } from '../support/server.js';

const SETTINGS = '/api/v1/settings/cloud-storage';

/** The requests of the settings document, word for word but for what it leaves out. */
const SEED_REQUESTS = {
  backblaze_b2: {
    provider: 'backblaze_b2',
    bucket_name: 'my-dumont-snapshots',
    key_id: '004xxxxxxxxxxxx',
    application_key: 'K004xxxxxxxxxxxxxxxxxxxxxxxxx',
    region: 'us-west-004',
  },
  aws_s3: {
    provider: 'aws_s3',
    bucket_name: 'my-dumont-snapshots',
    access_key_id: 'AKIAXXXXXXXXXXXXXXXX',
    secret_access_key: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
    region: 'us-west-2',
  },
  cloudflare_r2: {
    provider: 'cloudflare_r2',
    bucket_name: 'my-dumont-snapshots',
    account_id: '0123456789abcdef0123456789abcdef',
    access_key_id: 'xxxxxxxxxxxxxxxxxxxx',
    secret_access_key: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
  },
};

describe('the settings API', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer();
  });

  afterAll(() => server.stop());

  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${server.adminKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: text === '' ? undefined : JSON.parse(text),
    };
  }

  afterEach(() => call('DELETE', SETTINGS));

  it('answers the shape of the settings document before anything is configured', async () => {
    const { status, body, headers } = await call('GET', SETTINGS);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      provider: null,
      bucket_name: null,
      region: null,
      endpoint: null,
      configured: false,
      last_test: null,
      last_test_success: null,
      stats: { total_snapshots: 0, total_size_gb: 0, last_snapshot: null },
      has_secret: false,
    });
    expect(headers.get('etag')).toMatch(/^"\d+"$/);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it.each(Object.entries(SEED_REQUESTS))(
    'saves the request of the document for %s',
    async (provider, request) => {
      const saved = await call('PUT', SETTINGS, request);
      expect(saved.status).toBe(200);
      expect(saved.body).toEqual({
        success: true,
        message: 'Cloud storage configured successfully',
        provider,
        bucket_name: 'my-dumont-snapshots',
      });
      expect((await call('GET', SETTINGS)).body).toMatchObject({
        provider,
        configured: true,
        has_secret: true,
      });
    },
  );

  it('shows region and endpoint as the document does, with a default where none is given', async () => {
    const { region: _, ...request } = SEED_REQUESTS.backblaze_b2;
    await call('PUT', SETTINGS, request);
    expect((await call('GET', SETTINGS)).body).toMatchObject({
      provider: 'backblaze_b2',
      region: 'us-west-004',
      endpoint: 's3.us-west-004.backblazeb2.com',
      settings: { region: 'us-west-004', prefix: 'stowage/' },
    });
    await call('PUT', SETTINGS, { ...SEED_REQUESTS.aws_s3, region: undefined });
    expect((await call('GET', SETTINGS)).body).toMatchObject({
      region: 'us-east-1',
      endpoint: 's3.us-east-1.amazonaws.com',
    });
    await call('PUT', SETTINGS, SEED_REQUESTS.cloudflare_r2);
    const { body } = await call('GET', SETTINGS);
    expect(body.endpoint).toBe('0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com');
  });

  it('never gives a secret back, in no answer and no log line', async () => {
    const request = {
      ...SEED_REQUESTS.backblaze_b2,
      key_id: '004CANARYkeyid0000000001',
      application_key: 'K004CANARYsecretsecretsecret1',
    };
    const answers = [
      await call('PUT', SETTINGS, request),
      await call('GET', SETTINGS),
      await call('PUT', SETTINGS, { ...request, bucket_name: 'A_B' }),
      await call('PUT', SETTINGS, { ...request, surprise: 'K004CANARYsecretsecretsecret1' }),
      await call('PUT', `${SETTINGS}?test=maybe`, request),
      await call('PUT', SETTINGS, { ...request, application_key: 'K004CANARYsecret with a space' }),
      await call('DELETE', SETTINGS),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 400, 400, 400, 200]);
    const everything = JSON.stringify(answers.map(({ text }) => text)) + server.logs();
    expect(everything).not.toContain('CANARY');
    expect(answers[1]!.body).toMatchObject({
      last4: 'ret1',
      secrets: { key_id: { last4: '0001' }, application_key: { last4: 'ret1' } },
    });
  });

  it('names all wrong fields at once, in the document\u2019s shape too', async () => {
    const { status, headers, body } = await call('PUT', SETTINGS, {
      provider: 'aws_s3',
      bucketName: 'A_B',
      region: 'evil.example/#',
      secretKey: 'has a space',
    });
    expect(status).toBe(400);
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect(body).toMatchObject({
      code: 'validation_failed',
      success: false,
      error: 'Validation failed',
      details: expect.any(String),
    });
    const pointers = body.errors.map(({ pointer }: { pointer: string }) => pointer).sort();
    expect(pointers).toEqual(['/access_key_id', '/bucketName', '/region', '/secretKey']);
  });

  it('lets only one of two change what both have seen', async () => {
    await call('PUT', SETTINGS, SEED_REQUESTS.backblaze_b2);
    const etag = (await call('GET', SETTINGS)).headers.get('etag')!;
    const change = (bucket_name: string) =>
      call('PUT', SETTINGS, { provider: 'local_disk', bucket_name }, { 'if-match': etag });
    const statuses = (await Promise.all(['first', 'second', 'third'].map(change))).map(
      ({ status }) => status,
    );
    expect(statuses.sort()).toEqual([200, 412, 412]);
    expect((await call('DELETE', SETTINGS, undefined, { 'if-match': etag })).status).toBe(412);
  });

  it('lets many changes come at once without an error', async () => {
    const change = (index: number) =>
      call('PUT', SETTINGS, { provider: 'local_disk', bucket_name: `b${index}` });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => change(index)));
    expect(answers.filter(({ status }) => status !== 200 && status !== 409)).toEqual([]);
  });

  it('forgets credentials', async () => {
    await call('PUT', SETTINGS, SEED_REQUESTS.aws_s3);
    expect(await call('DELETE', SETTINGS)).toMatchObject({ status: 200, body: { success: true } });
    expect((await call('GET', SETTINGS)).body).toMatchObject({ configured: false, has_secret: false });
    const { rows } = await query("SELECT 1 FROM cloud_configs WHERE encrypted_config <> ''");
    expect(rows).toEqual([]);
  });

  it('counts the snapshots of the user, in units of 10^9 bytes', async () => {
    await call('PUT', SETTINGS, { provider: 'local_disk', bucket_name: 'files' });
    await query(
      `WITH config AS (SELECT id, user_id FROM cloud_configs ORDER BY id DESC LIMIT 1),
       agent AS (INSERT INTO agents (user_id, api_key_id, name, hostname, platform, program_version)
         SELECT user_id, (SELECT id FROM api_keys LIMIT 1), 'host', 'host', 'linux x64', '1' FROM config RETURNING id),
       repository AS (INSERT INTO repositories (user_id, cloud_config_id, prefix, chunker, sealed_password)
         SELECT user_id, id, 'r', 'gear', '' FROM config RETURNING id),
       workspace AS (INSERT INTO workspaces (user_id, agent_id, repository_id, name, path, keep_policy)
         SELECT config.user_id, agent.id, repository.id, 'work', '/work', '{}' FROM config, agent, repository RETURNING id, agent_id)
       INSERT INTO snapshots (user_id, cloud_config_id, workspace_id, agent_id, run_id, object_id, tree, fencing, started_at,
         state, stored_bytes, received_at)
       SELECT config.user_id, config.id, workspace.id, agent_id, gen_random_uuid(), sha256(at::bytea), '', 1, at::timestamptz,
         state, bytes, at::timestamptz
       FROM config, workspace, (VALUES
         ('restorable', 120000000000, '2024-12-20T14:59:30Z'), ('restorable', 500000000, '2024-12-20T15:00:00Z'),
         ('committing', 1000000000, '2024-12-20T15:00:30Z')) AS made (state, bytes, at)`,
    );
    const { body } = await call('GET', SETTINGS);
    expect(body.stats).toEqual({
      total_snapshots: 2,
      total_size_gb: 120.5,
      last_snapshot: '2024-12-20T15:00:00.000Z',
    });
  });

  it.each([
    ['a text instead of an object', '"x"', 400],
    ['an array', '[]', 400],
    ['nothing', '{}', 400],
    ['broken JSON', '{"provider":', 400],
    ['64 KiB and more', JSON.stringify({ provider: 'aws_s3', junk: 'x'.repeat(70_000) }), 413],
  ])('refuses %s', async (_, text, status) => {
    const response = await fetch(server.url + SETTINGS, {
      method: 'PUT',
      headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
      body: text,
    });
    expect(response.status).toBe(status);
  });

  it('tells about all providers, and about one under either name', async () => {
    const { body } = await call('GET', '/api/v1/providers');
    expect(body.data.map(({ name }: { name: string }) => name).sort()).toEqual([
      'aws_s3',
      'azure_blob',
      'backblaze_b2',
      'cloudflare_r2',
      'digitalocean_spaces',
      'google_gcs',
      'local_disk',
      's3_compatible',
    ]);
    expect((await call('GET', '/api/v1/providers/gcp')).body).toEqual(
      (await call('GET', '/api/v1/providers/google_gcs')).body,
    );
    expect((await call('GET', '/api/v1/providers/nobody')).status).toBe(404);
    const b2 = (await call('GET', '/api/v1/providers/backblaze_b2')).body;
    expect(b2).toMatchObject({
      guide: { policy: expect.stringContaining('writeFiles') },
      price: { storage_usd_per_gb_month: 0.005 },
    });
    expect(b2.fields).toContainEqual(
      expect.objectContaining({ name: 'application_key', secret: true, required: true }),
    );
  });

  it('is for users with a key', async () => {
    for (const [method, path] of [
      ['GET', SETTINGS],
      ['PUT', SETTINGS],
      ['DELETE', SETTINGS],
      ['POST', `${SETTINGS}/test`],
      ['GET', '/api/v1/providers'],
      ['POST', '/api/cloud/configure'],
    ] as const) {
      expect((await fetch(server.url + path, { method })).status).toBe(401);
    }
  });

  async function query(text: string, values: unknown[] = []) {
    const client = new pg.Client({ connectionString: server.databaseUrl });
    await client.connect();
    try {
      return await client.query(text, values);
    } finally {
      await client.end();
    }
  }
});

describe('a server with the wrong master key', () => {
  let server: TestServer;

  afterEach(() => server.stop());

  async function call(method: string, path: string, body?: unknown) {
    const response = await fetch(server.url + path, {
      method,
      headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return { status: response.status, body: await response.json().catch(() => undefined) };
  }

  it('is sealed: not ready, which it says without naming keys, touches no credential, and is well again with the right key', async () => {
    server = await startServer();
    await call('PUT', SETTINGS, { provider: 'local_disk', bucket_name: 'files' });
    await server.restart({ ENCRYPTION_KEY: 'f'.repeat(64) });
    expect(await call('GET', '/health/ready')).toEqual({
      status: 503,
      body: {
        status: 'error',
        details: {
          process: { status: 'up' },
          database: { status: 'up' },
          credentials: { status: 'down', message: 'is sealed: the master key is not the right one' },
        },
      },
    });
    expect((await call('GET', '/health/live')).status).toBe(200);
    expect(await call('POST', `${SETTINGS}/test`)).toMatchObject({ status: 503, body: { code: 'sealed' } });
    expect(await call('PUT', SETTINGS, SEED_REQUESTS.aws_s3)).toMatchObject({
      status: 503,
      body: { code: 'sealed' },
    });
    expect(await call('DELETE', SETTINGS)).toMatchObject({ status: 503, body: { code: 'sealed' } });
    expect(server.logs()).toContain('starts sealed');
    await server.restart({});
    expect((await call('GET', '/health/ready')).status).toBe(200);
    expect(await call('GET', SETTINGS)).toMatchObject({ body: { provider: 'local_disk', configured: true } });
    expect(await call('POST', `${SETTINGS}/test`)).toMatchObject({ status: 200, body: { success: true } });
  });

  it('asks loudly for a backup of a key that it made, once', async () => {
    server = await startServer({ env: { ENCRYPTION_KEY: '' } });
    expect(server.logs()).toContain('BACK THIS UP');
    const key = await readFile(`${server.dataDir}/master-key`, 'utf8');
    expect(server.logs()).not.toContain(key.trim());
    const before = server.logs().split('BACK THIS UP').length;
    await server.restart({});
    expect(server.logs().split('BACK THIS UP').length).toBe(before);
    expect(await readFile(`${server.dataDir}/master-key`, 'utf8')).toBe(key);
  });
});
