import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createStowage, StowageProblem } from '../../sdk/index.js';
import { startServer, type TestServer } from '../support/server.js';

/** A window must not end in the middle of the test. */
const NEEDED_MS = 15_000;

describe('rate limits', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ env: { RATE_LIMIT_PER_KEY: '40', RATE_LIMIT_PER_ADDRESS: '10' } });
    const leftMs = 60_000 - (Date.now() % 60_000);
    if (leftMs < NEEDED_MS) await new Promise((resolve) => setTimeout(resolve, leftMs));
  }, 120_000);

  afterAll(() => server?.stop());

  const get = (path: string, key?: string) =>
    fetch(server.url + path, { headers: key === undefined ? {} : { authorization: `Bearer ${key}` } });

  it('stop whoever guesses keys, not whoever has one', async () => {
    const guess = () => get('/api/v1/me', `stw_user_${'x'.repeat(36)}`);
    const statuses = [];
    for (let attempt = 0; attempt < 12; attempt++) statuses.push((await guess()).status);
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
    const refused = await guess();
    expect(await refused.json()).toMatchObject({ code: 'rate_limited', retryable: true });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const known = await get('/api/v1/me', server.adminKey);
    expect(known.status).toBe(200);
    expect(known.headers.get('ratelimit-policy')).toBe('"default";q=40;w=60');
  });

  it('stop a key at its limit and tell it how much is left before', async () => {
    let left = Number.POSITIVE_INFINITY;
    let response = await get('/api/v1/me', server.adminKey);
    while (response.status === 200) {
      const now = Number(/r=(\d+)/.exec(response.headers.get('ratelimit')!)![1]);
      expect(now).toBeLessThan(left);
      left = now;
      response = await get('/api/v1/me', server.adminKey);
    }
    expect(left).toBe(0);
    expect(response.status).toBe(429);
  });

  it('tell the generated client how long to wait', async () => {
    const client = createStowage({ baseUrl: server.url, apiKey: server.adminKey });
    const refused = await client.getMe().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StowageProblem);
    expect(refused).toMatchObject({ code: 'rate_limited', retryAfterSeconds: expect.any(Number) });
  });

  it('never stop those who look whether it lives', async () => {
    for (let attempt = 0; attempt < 50; attempt++) expect((await get('/health/live')).status).toBe(200);
    expect((await get('/health/ready')).status).toBe(200);
  });
});
