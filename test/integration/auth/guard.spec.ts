import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { kindOfKey, newApiKey } from '../../../src/auth/api-key-format.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { AuthApp, type NewUser } from './auth-app.js';

describe('the guard', () => {
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

  beforeEach(() => {
    app.statements.length = 0;
  });

  const lookUps = () => app.statements.filter((name) => name === 'api_keys_find').length;

  it('knows whose key it is', async () => {
    const me = await app.ok<{ user: object; api_key: object }>(200, app.send('GET', '/api/v1/me', user));
    expect(me.user).toMatchObject({ id: user.userId, name: 'Somebody', disabled_at: null });
    expect(me.api_key).toMatchObject({
      id: user.keyId,
      kind: 'user',
      scopes: ['user'],
      last4: user.key.slice(-4),
    });
    expect(JSON.stringify(me)).not.toContain(user.key);
  });

  it('refuses a route that declares nothing, as an error of ours, whoever asks', async () => {
    for (const key of [undefined, user.key, app.adminKey]) {
      const { statusCode, body } = await app.send('GET', '/undeclared', { key });
      expect(statusCode).toBe(500);
      expect(JSON.parse(body)).toMatchObject({ code: 'internal_error' });
      expect(body).not.toContain('should never be seen');
    }
  });

  it('refuses a key without the scope of the route', async () => {
    const agent = await app.newUser('agent');
    for (const [key, url] of [
      [user.key, '/api/v1/users'],
      [agent.key, '/api/v1/users'],
      [agent.key, '/api/v1/api-keys'],
    ] as const) {
      const answer = await app.send('GET', url, { key });
      expect(answer.statusCode).toBe(403);
      expect(answer.json()).toMatchObject({ code: 'forbidden' });
    }
    expect((await app.send('GET', '/api/v1/me', agent)).statusCode).toBe(200);
  });

  describe('with a key that is none', () => {
    const malformed: [string, Record<string, string>, string][] = [
      ['nothing', {}, ''],
      ['only Bearer', { authorization: 'Bearer' }, ''],
      ['the key in the query', {}, '?api_key=KEY&key=KEY&access_token=KEY&authorization=Bearer%20KEY'],
      ['the key in another header', { 'x-api-key': 'KEY' }, ''],
      ['a shorter key', { authorization: 'Bearer KEY_SHORTER' }, ''],
      ['a longer key', { authorization: 'Bearer KEYx' }, ''],
      ['the right length and a wrong checksum', { authorization: `Bearer stw_user_${'0'.repeat(36)}` }, ''],
      ['the kind of another key', { authorization: 'Bearer KEY_AS_ADMIN' }, ''],
      ['Basic', { authorization: `Basic ${Buffer.from('user:KEY').toString('base64')}` }, ''],
      ['a long text', { authorization: `Bearer ${'A'.repeat(8_000)}` }, ''],
      ['letters outside of ASCII', { authorization: 'Bearer stw_user_\u00e9\u00e8' }, ''],
      ['a wrong cookie', { cookie: 'stowage_session=KEY' }, ''],
    ];

    const wellFormed: [string, () => string][] = [
      ['unknown', () => newApiKey('user')],
      ['unknown, of an administrator', () => newApiKey('admin')],
    ];

    async function answerTo(headers: Record<string, string>, query = ''): Promise<unknown> {
      const fill = (text: string) =>
        text
          .replaceAll('KEY_AS_ADMIN', user.key.replace('_user_', '_admin_'))
          .replaceAll('KEY_SHORTER', user.key.slice(0, -1))
          .replaceAll('KEY', user.key);
      const filled = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fill(value)]));
      const answer = await app.send('GET', `/api/v1/me${fill(query)}`, { headers: filled });
      expect(answer.statusCode).toBe(401);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer\b/);
      const { request_id, ...body } = answer.json<Record<string, unknown>>();
      expect(request_id).toEqual(expect.any(String));
      return body;
    }

    it.each(malformed)('answers %s with 401 and asks nobody', async (_, headers, query) => {
      expect(await answerTo(headers, query)).toMatchObject({ code: 'unauthenticated' });
      expect(lookUps()).toBe(0);
    });

    it.each(wellFormed)('answers one that is %s like one that is malformed', async (_, key) => {
      const body = await answerTo({ authorization: `Bearer ${key()}` });
      expect(body).toEqual(await answerTo({}));
      expect(lookUps()).toBe(1);
    });

    it('answers a revoked key and a disabled user’s like a malformed one', async () => {
      const revoked = await app.newUser();
      await app.ok(204, app.send('DELETE', `/api/v1/api-keys/${revoked.keyId}`, { key: app.adminKey }));
      const disabled = await app.newUser();
      const payload = { disabled: true };
      await app.ok(
        200,
        app.send('PATCH', `/api/v1/users/${disabled.userId}`, { key: app.adminKey, payload }),
      );
      for (const { key } of [revoked, disabled]) {
        expect(kindOfKey(key)).toBe('user');
        expect(await answerTo({ authorization: `Bearer ${key}` })).toEqual(await answerTo({}));
      }
    });
  });

  it('takes the scheme in any letter case', async () => {
    for (const scheme of ['bearer', 'BEARER', 'bEaReR']) {
      const headers = { authorization: `${scheme} ${user.key}` };
      expect((await app.send('GET', '/api/v1/me', { headers })).statusCode).toBe(200);
    }
  });

  it('asks the database about a busy key once a second', async () => {
    app.clock.nowMs += 2_000;
    await Promise.all(Array.from({ length: 50 }, () => app.send('GET', '/api/v1/audit', user)));
    for (let step = 0; step < 9; step++) {
      app.clock.nowMs += 100;
      await app.send('GET', '/api/v1/audit', user);
    }
    expect(lookUps()).toBe(1);
    app.clock.nowMs += 100;
    await app.send('GET', '/api/v1/audit', user);
    expect(lookUps()).toBe(2);
  });

  it('refuses a key from its expiry on, to the millisecond, and says why', async () => {
    const expiresAtMs = app.clock.nowMs + 60_000;
    const payload = { name: 'Short', expires_at: new Date(expiresAtMs).toISOString() };
    const { key } = await app.ok<{ key: string }>(
      201,
      app.send('POST', '/api/v1/api-keys', { key: user.key, payload }),
    );
    app.clock.nowMs = expiresAtMs - 1;
    expect((await app.send('GET', '/api/v1/me', { key })).statusCode).toBe(200);
    app.clock.nowMs = expiresAtMs;
    const answer = await app.send('GET', '/api/v1/me', { key });
    expect(answer.statusCode).toBe(401);
    expect(answer.json()).toMatchObject({ code: 'key_expired' });
  });
});
