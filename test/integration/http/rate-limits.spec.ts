import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import pg from 'pg';
import { Public, Scopes } from '../../../src/auth/access.decorators.js';
import { NoRateLimit } from '../../../src/rest/route-options.decorators.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually, startTestApp, type TestApp } from './test-app.js';

@Controller('api/v1')
class PingController {
  @Scopes('user')
  @Get('mine')
  mine(): object {
    return {};
  }

  @Public()
  @Get('public')
  open(): object {
    return {};
  }

  @Public()
  @NoRateLimit()
  @Get('signed')
  signed(): object {
    return {};
  }
}

const LIMITS = { RATE_LIMIT_PER_KEY: 20, RATE_LIMIT_PER_ADDRESS: 5 };
/** A window must not end in the middle of a test that takes a few seconds at most. */
const NEEDED_MS = 10_000;

describe('rate limits', () => {
  let database: TestDatabase;
  let replicas: TestApp[];

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterAll(() => database?.drop());

  beforeEach(async () => {
    const sql = new pg.Client({ connectionString: database.url });
    await sql.connect();
    await sql.query('TRUNCATE rate_limits');
    await sql.end();
    replicas = await Promise.all([1, 2].map(() => startTestApp(database.url, [PingController], LIMITS)));
    const leftMs = 60_000 - (Date.now() % 60_000);
    if (leftMs < NEEDED_MS) await new Promise((resolve) => setTimeout(resolve, leftMs));
  });

  afterEach(() => Promise.all(replicas.map((replica) => replica.close())));

  const get = (path: string, { key = 'user-1', replica = 0 }: { key?: string; replica?: number } = {}) =>
    fetch(`${replicas[replica]!.url}/api/v1/${path}`, {
      headers: key ? { authorization: `Bearer ${key}` } : {},
    });

  async function statuses(count: number, request: () => Promise<Response>): Promise<Record<number, number>> {
    const seen: Record<number, number> = {};
    for (let index = 0; index < count; index++) {
      const { status } = await request();
      seen[status] = (seen[status] ?? 0) + 1;
    }
    return seen;
  }

  it('count each key for itself and tell how much is left', async () => {
    const first = await get('mine');
    expect(first.headers.get('ratelimit-policy')).toBe('"default";q=20;w=60');
    expect(first.headers.get('ratelimit')).toMatch(/^"default";r=19;t=\d+$/);
    expect(await statuses(21, () => get('mine'))).toEqual({ 200: 19, 429: 2 });
    expect((await get('mine', { key: 'user-2' })).status).toBe(200);
  });

  it('refuse with a problem that says how long to wait', async () => {
    await statuses(5, () => get('public', { key: '' }));
    const refused = await get('public', { key: '' });
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ code: 'rate_limited', retryable: true });
    const waitSeconds = Number(refused.headers.get('retry-after'));
    expect(waitSeconds).toBeGreaterThan(0);
    expect(waitSeconds).toBeLessThanOrEqual(60);
    expect(refused.headers.get('ratelimit')).toBe(`"default";r=0;t=${waitSeconds}`);
  });

  it('count wrong keys and unknown paths against the address, but never stop a valid key for its address', async () => {
    expect(await statuses(3, () => get('mine', { key: 'wrong' }))).toEqual({ 401: 3 });
    expect(await statuses(3, () => get('nothing'))).toEqual({ 404: 2, 429: 1 });
    expect((await get('mine', { key: 'wrong' })).status).toBe(429);
    expect((await get('public', { key: '' })).status).toBe(429);
    expect((await get('mine')).status).toBe(200);
  });

  it('believe X-Forwarded-For from trusted proxies only', async () => {
    const behind = await startTestApp(database.url, [PingController], {
      ...LIMITS,
      TRUSTED_PROXIES: ['127.0.0.0/8'],
    });
    try {
      const from = (url: string, address: string) =>
        fetch(`${url}/api/v1/public`, { headers: { 'x-forwarded-for': address } });
      expect(await statuses(6, () => from(behind.url, '203.0.113.1'))).toEqual({ 200: 5, 429: 1 });
      expect((await from(behind.url, '203.0.113.2')).status).toBe(200);
      // Only the last hop is our proxy's word; what a client put before it is not.
      expect((await from(behind.url, '198.51.100.7, 203.0.113.1')).status).toBe(429);

      expect(await statuses(5, () => from(replicas[0]!.url, '203.0.113.1'))).toEqual({ 200: 5 });
      expect((await from(replicas[0]!.url, '203.0.113.2')).status).toBe(429);
    } finally {
      await behind.close();
    }
  });

  it('do not touch routes that carry their own proof', async () => {
    expect(await statuses(20, () => get('signed', { key: '' }))).toEqual({ 200: 20 });
  });

  it('hold over all replicas, about a second late', async () => {
    expect(await statuses(15, () => get('mine', { replica: 0 }))).toEqual({ 200: 15 });
    const left = async () =>
      Number(/r=(\d+)/.exec((await get('mine', { replica: 1 })).headers.get('ratelimit')!)![1]);
    await eventually(async () => (await left()) <= 4, 250);
    expect(await statuses(10, () => get('mine', { replica: 1 }))).toMatchObject({ 429: expect.any(Number) });
    await eventually(async () => (await get('mine', { replica: 0 })).status === 429);
  });

  it('go on counting in each replica while the database is away', async () => {
    const sql = new pg.Client({ connectionString: database.url });
    await sql.connect();
    await sql.query('ALTER TABLE rate_limits RENAME TO rate_limits_away');
    try {
      expect(await statuses(25, () => get('mine'))).toEqual({ 200: 20, 429: 5 });
      // Nest has one logger a process: that of the application made last.
      const lines = () => replicas.flatMap((replica) => replica.lines.map(({ msg }) => String(msg)));
      await eventually(() => lines().some((line) => line.startsWith('rate limits are not shared')));
    } finally {
      await sql.query('ALTER TABLE rate_limits_away RENAME TO rate_limits');
      await sql.end();
    }
    // What was counted meanwhile is told when it is back.
    await eventually(async () => (await get('mine', { replica: 1 })).status === 429);
  });
});
