import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Problem } from '../../sdk/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startServer, type TestServer } from '../support/server.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

describe('the server', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ env: { RATE_LIMIT_PER_ADDRESS: '100000', RATE_LIMIT_PER_KEY: '1000000' } });
  });

  afterAll(() => server?.stop());

  const send = (method: string, path: string, body?: BodyInit, headers: Record<string, string> = {}) =>
    fetch(server.url + path, {
      method,
      headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json', ...headers },
      body,
    });

  /** The log is written a little later than the answer. */
  async function logged(matches: (line: string) => boolean): Promise<string[]> {
    for (const startMs = performance.now(); performance.now() - startMs < 10_000; await pause(20)) {
      const lines = server.logs().split('\n').filter(matches);
      if (lines.length > 0) return lines;
    }
    return [];
  }

  describe('answers errors', () => {
    it('as problem details whose type leads to their explanation', async () => {
      const response = await send('GET', '/api/v1/files/999999');
      expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
      const problem = (await response.json()) as Problem;
      expect(problem).toMatchObject({ status: 404, code: 'not_found', instance: '/api/v1/files/999999' });
      expect(problem.request_id).toBe(response.headers.get('x-request-id'));
      const [page, anchor] = problem.type.split('#');
      const explanation = await (await fetch(server.url + page)).text();
      expect(explanation).toContain(`id="${anchor}"`);
    });

    it('with the members of the settings API below /api/v1/settings', async () => {
      const response = await send('PUT', '/api/v1/settings/cloud-storage', '{"provider":"nobody"}');
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        success: false,
        message: 'Settings not changed',
        error: 'Validation failed',
        details: expect.stringContaining('provider'),
        code: 'validation_failed',
      });
    });

    it('with the phrases of the implementation guide below /api/cloud', async () => {
      const form = new FormData();
      form.append('file', new Blob(['x']), 'x.txt');
      const upload = await fetch(`${server.url}/api/cloud/upload`, {
        method: 'POST',
        headers: { authorization: `Bearer ${server.adminKey}` },
        body: form,
      });
      expect(upload.status).toBe(400);
      expect(await upload.json()).toMatchObject({
        error: 'Cloud not configured',
        code: 'cloud_not_configured',
      });
    });

    it('all wrong fields at once, each with its pointer', async () => {
      const response = await send(
        'PUT',
        '/api/v1/settings/sync',
        '{"retention_days":-1,"max_file_size":"x","nothing":1}',
      );
      const { errors } = (await response.json()) as Problem;
      expect([...new Set(errors!.map(({ pointer }) => pointer))].sort()).toEqual([
        '/max_file_size',
        '/nothing',
        '/retention_days',
      ]);
    });
  });

  describe('takes hostile JSON', () => {
    const routes = [
      ['PUT', '/api/v1/settings/sync'],
      ['PUT', '/api/v1/settings/cloud-storage'],
      ['POST', '/api/cloud/configure'],
      ['POST', '/api/v1/api-keys'],
      ['POST', '/api/v1/users'],
    ] as const;
    const bodies = [
      '{"__proto__":{"admin":true}}',
      '{"constructor":{"prototype":{"admin":true}}}',
      `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
      `{"a":[${'0,'.repeat(300_000)}0]}`,
      `{"provider":"${'x'.repeat(1024 * 1024)}"}`,
      '{"provider":1e400}',
      '{"provider":{"_type":"raw","_value":"1=1"}}',
      '{"provider":"aws_s3\\u0000"}',
      '{"provider":"\\udfff"}',
      '[]',
      'null',
      'true',
      '"x"',
      '{"userId":1,"user_id":2,"isAdmin":true,"encryptedConfig":"x","createdAt":0}',
    ];

    it.each(routes)('at %s %s with a refusal', async (method, path) => {
      for (const body of bodies) {
        const startMs = performance.now();
        const response = await send(method, path, body);
        const answer = await response.text();
        expect([400, 413]).toContain(response.status);
        expect(JSON.parse(answer)).toMatchObject({ code: expect.any(String), status: response.status });
        expect(answer).not.toMatch(/node_modules|SELECT |\bat \/|dist\/src/);
        expect(performance.now() - startMs).toBeLessThan(10_000);
      }
    });

    it('and is the same afterwards', async () => {
      expect(({} as { admin?: unknown }).admin).toBeUndefined();
      expect((await send('GET', '/api/v1/settings/cloud-storage')).status).toBe(200);
      expect(await (await send('GET', '/api/v1/settings/cloud-storage')).json()).toMatchObject({
        configured: false,
      });
    });
  });

  describe('is seen from outside', () => {
    it('as alive and ready', async () => {
      expect(await (await fetch(`${server.url}/health/live`)).json()).toEqual({ status: 'ok', details: {} });
      expect(await (await fetch(`${server.url}/health/ready`)).json()).toEqual({
        status: 'ok',
        details: { process: { status: 'up' }, database: { status: 'up' }, credentials: { status: 'up' } },
      });
    });

    it('through metrics, by administrators', async () => {
      expect((await fetch(`${server.url}/metrics`)).status).toBe(401);
      await send('GET', '/api/v1/files/999999');
      const response = await send('GET', '/metrics');
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      const text = await response.text();
      expect(text).toMatch(/^stowage_build_info\{version="\d+\.\d+\.\d+",node="v\d+\.\d+\.\d+"\} 1$/m);
      expect(text).toMatch(
        /^stowage_http_request_duration_seconds_count\{method="GET",route="\/api\/v1\/files\/:id",status="4xx"\} \d+$/m,
      );
      expect(text).toMatch(/^process_resident_memory_bytes \d/m);
      expect(text).not.toContain('999999"');
    });

    it('in one JSON line a request', async () => {
      const id = `line-${process.pid}-0001`;
      await send('GET', '/api/v1/me?token=hunter2', undefined, { 'x-request-id': id });
      const lines = await logged((line) => line.includes(id));
      expect(lines).toHaveLength(1);
      expect(JSON.parse(lines[0]!)).toMatchObject({
        msg: 'request',
        route: '/api/v1/me',
        status: 200,
        userId: server.userId,
      });
      expect(server.logs()).not.toContain('hunter2');
      expect(server.logs()).not.toContain(server.adminKey);
    });

    it('through its documentation, without a byte from elsewhere', async () => {
      const page = await fetch(`${server.url}/api/docs`);
      const html = await page.text();
      expect(page.headers.get('content-security-policy')).not.toMatch(/unsafe|https?:/);
      const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
      expect(links.length).toBeGreaterThan(3);
      for (const link of links) {
        const target = new URL(link, `${server.url}/api/docs`);
        expect(target.origin).toBe(server.url);
        expect((await fetch(target)).status).toBe(200);
      }
      for (const hidden of ['package.json', '../../../package.json', 'swagger-ui-bundle.js.map', '']) {
        expect((await fetch(`${server.url}/api/docs/${hidden}`)).status).toBe(404);
      }
    });
  });
});

describe('a server whose line to the database breaks', () => {
  let database: TestDatabase;
  let line: TcpProxy;
  let server: TestServer;

  beforeAll(async () => {
    database = await createTestDatabase();
    line = await startTcpProxy({ port: Number(new URL(database.url).port) });
    const through = new URL(database.url);
    through.host = `127.0.0.1:${line.port}`;
    server = await startServer({ env: { DATABASE_URL: through.href, METRICS_PUBLIC: 'true' } });
  });

  afterAll(async () => {
    await server?.stop();
    await line?.stop();
    await database?.drop();
  });

  it('waits for it, and goes on when it is back', async () => {
    const list = () =>
      fetch(`${server.url}/api/v1/files`, { headers: { authorization: `Bearer ${server.adminKey}` } });
    expect((await list()).status).toBe(200);
    line.faults.refuse = true;
    line.reset();
    const refused = await list();
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'service_unavailable', retryable: true });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const ready = await fetch(`${server.url}/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([
      503,
      expect.objectContaining({
        details: expect.objectContaining({ database: { status: 'down', message: 'does not answer' } }),
      }),
    ]);
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    line.faults.refuse = false;
    expect((await list()).status).toBe(200);
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
  });

  it('shows metrics to everybody when METRICS_PUBLIC says so', async () => {
    expect((await fetch(`${server.url}/metrics`)).status).toBe(200);
  });
});
