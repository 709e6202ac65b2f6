import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newApiKey } from '../../../src/auth/api-key-format.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { AuthApp, type NewUser } from './auth-app.js';

const OWN_PAGE = { 'sec-fetch-site': 'same-origin' };

describe('sessions of browsers', () => {
  let database: TestDatabase;
  let app: AuthApp;
  let user: NewUser;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await AuthApp.start(database.url);
    user = await app.newUser();
  });

  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  async function signIn(key = user.key): Promise<string> {
    const answer = await app.send('POST', '/api/v1/session', {
      payload: { api_key: key },
      headers: OWN_PAGE,
    });
    expect(answer.statusCode).toBe(204);
    return answer.headers['set-cookie']!.toString().split(';')[0]!;
  }

  const meWith = async (cookie: string) =>
    (await app.send('GET', '/api/v1/me', { headers: { cookie } })).statusCode;

  it('are opened with an API key and do what it may do', async () => {
    const cookie = await signIn();
    const me = await app.ok<{ api_key: object }>(200, app.send('GET', '/api/v1/me', { headers: { cookie } }));
    expect(me).toMatchObject({ user: { id: user.userId }, api_key: { kind: 'session', scopes: ['user'] } });
    expect((await app.send('GET', '/api/v1/users', { headers: { cookie } })).statusCode).toBe(403);
  });

  it('set a cookie that scripts and other sites cannot use, and that nobody keeps', async () => {
    const answer = await app.send('POST', '/api/v1/session', { payload: { api_key: user.key } });
    expect(answer.headers['set-cookie']).toMatch(
      /^stowage_session=stw_session_[0-9A-Za-z]{36}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    );
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).toBe('');
  });

  it('change things only from our own pages', async () => {
    const cookie = await signIn();
    const change = (headers: Record<string, string>) =>
      app.send('POST', '/api/v1/api-keys', { payload: { name: 'x' }, headers: { cookie, ...headers } });
    for (const headers of [
      {},
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ] as Record<string, string>[]) {
      const answer = await change(headers);
      expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([403, 'cross_site_request']);
    }
    expect((await change(OWN_PAGE)).statusCode).toBe(201);
    expect((await change({ origin: 'http://localhost:80', host: 'localhost' })).statusCode).toBe(201);
  });

  it('are not opened by pages of other sites', async () => {
    const headers = { origin: 'https://evil.example' };
    const answer = await app.send('POST', '/api/v1/session', { payload: { api_key: user.key }, headers });
    expect([answer.statusCode, answer.headers['set-cookie']]).toEqual([403, undefined]);
  });

  it('are not a way to use a cookie’s key elsewhere, nor another key in the cookie', async () => {
    const session = (await signIn()).replace('stowage_session=', '');
    expect((await app.send('GET', '/api/v1/me', { key: session })).statusCode).toBe(401);
    expect(await meWith(`stowage_session=${user.key}`)).toBe(401);
    const again = await app.send('POST', '/api/v1/session', { payload: { api_key: session } });
    expect(again.statusCode).toBe(401);
  });

  it('are refused to wrong, revoked and agents’ keys', async () => {
    const revoked = await app.newUser();
    await app.ok(204, app.send('DELETE', `/api/v1/api-keys/${revoked.keyId}`, { key: revoked.key }));
    const open = (key: string) => app.send('POST', '/api/v1/session', { payload: { api_key: key } });
    for (const key of ['x', newApiKey('user'), revoked.key]) {
      const answer = await open(key);
      expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([401, 'unauthenticated']);
    }
    expect((await open((await app.newUser('agent')).key)).statusCode).toBe(403);
    expect((await app.send('POST', '/api/v1/session', { payload: {} })).statusCode).toBe(400);
  });

  it('end when they are closed', async () => {
    const cookie = await signIn();
    const answer = await app.send('DELETE', '/api/v1/session', { headers: { cookie, ...OWN_PAGE } });
    expect(answer.statusCode).toBe(204);
    expect(answer.headers['set-cookie']).toMatch(/^stowage_session=; .*Max-Age=0/);
    expect(await meWith(cookie)).toBe(401);
  });

  it('leave an API key alone that asks to close them', async () => {
    await app.ok(204, app.send('DELETE', '/api/v1/session', { key: user.key }));
    expect((await app.send('GET', '/api/v1/me', { key: user.key })).statusCode).toBe(200);
  });

  it('end with the key that opened them', async () => {
    const own = await app.newUser();
    const cookie = await signIn(own.key);
    expect(await meWith(cookie)).toBe(200);
    await app.ok(204, app.send('DELETE', `/api/v1/api-keys/${own.keyId}`, { key: app.adminKey }));
    expect(await meWith(cookie)).toBe(401);
  });

  it('end after twelve hours, or with the key’s own expiry', async () => {
    const startMs = app.clock.nowMs;
    const expires_at = new Date(startMs + 60_000).toISOString();
    const { key } = await app.ok<{ key: string }>(
      201,
      app.send('POST', '/api/v1/api-keys', { key: user.key, payload: { name: 'Short', expires_at } }),
    );
    const [short, long] = [await signIn(key), await signIn()];
    app.clock.nowMs = startMs + 60_000;
    expect([await meWith(short), await meWith(long)]).toEqual([401, 200]);
    app.clock.nowMs = startMs + 12 * 3_600_000 - 1;
    expect(await meWith(long)).toBe(200);
    app.clock.nowMs += 1;
    expect(await meWith(long)).toBe(401);
  });

  it('are never opened with a key that is being revoked', async () => {
    for (let round = 0; round < 10; round++) {
      const own = await app.newUser();
      const [opened] = await Promise.all([
        app.send('POST', '/api/v1/session', { payload: { api_key: own.key } }),
        app.send('DELETE', `/api/v1/api-keys/${own.keyId}`, { key: app.adminKey }),
      ]);
      if (opened.statusCode !== 204) continue;
      expect(await meWith(opened.headers['set-cookie']!.toString().split(';')[0]!)).toBe(401);
    }
  });
});
