import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { kindOfKey } from '../../../src/auth/api-key-format.js';
import { KeyUsage } from '../../../src/auth/key-usage.service.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { AuthApp, type NewUser } from './auth-app.js';

interface KeyJson {
  readonly id: string;
  readonly key: string;
  readonly kind: string;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

interface PageJson {
  readonly data: KeyJson[];
  readonly next_cursor: string | null;
}

describe('API keys', () => {
  let database: TestDatabase;
  let app: AuthApp;
  let sql: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await AuthApp.start(database.url);
    sql = new pg.Client({ connectionString: database.url });
    await sql.connect();
  });

  afterAll(async () => {
    await sql?.end();
    await app?.close();
    await database?.drop();
  });

  const create = (by: string, payload: object) => app.send('POST', '/api/v1/api-keys', { key: by, payload });
  const statusOf = async (key: string, url = '/api/v1/me') =>
    (await app.send('GET', url, { key })).statusCode;

  it('are shown once; only their hash and last four characters are stored', async () => {
    const user = await app.newUser();
    const answer = await create(user.key, { name: 'Laptop' });
    expect(answer.statusCode).toBe(201);
    const created = answer.json<KeyJson>();
    expect(answer.headers).toMatchObject({
      location: `/api/v1/api-keys/${created.id}`,
      'cache-control': 'no-store',
    });
    expect(kindOfKey(created.key)).toBe('user');
    expect(created).toMatchObject({ name: 'Laptop', kind: 'user', scopes: ['user'], user_id: user.userId });
    expect(await statusOf(created.key)).toBe(200);
    const again = await app.send('GET', answer.headers.location as string, { key: user.key });
    expect(again.body).not.toContain(created.key.slice('stw_user_'.length, -4));
    const { rows } = await sql.query('SELECT * FROM api_keys WHERE id = $1', [created.id]);
    expect(JSON.stringify(rows)).not.toContain(created.key.slice('stw_user_'.length, -4));
    expect((rows[0] as { key_hash: Buffer }).key_hash).toHaveLength(32);
  });

  it('cannot be made to do more than the key that makes them', async () => {
    const user = await app.newUser();
    const other = await app.newUser();
    const agent = await app.newUser('agent');
    expect((await create(user.key, { name: 'x', kind: 'admin' })).statusCode).toBe(403);
    expect((await create(user.key, { name: 'x', kind: 'agent' })).statusCode).toBe(201);
    expect((await create(agent.key, { name: 'x', kind: 'agent' })).statusCode).toBe(403);
    const [foreign, absent] = await Promise.all([
      create(user.key, { name: 'x', user_id: other.userId }),
      create(user.key, { name: 'x', user_id: 2_000_000_000 }),
    ]);
    expect(foreign.statusCode).toBe(404);
    expect({ ...foreign.json<object>(), request_id: 0 }).toEqual({ ...absent.json<object>(), request_id: 0 });
    expect((await create(app.adminKey, { name: 'x', user_id: 2_000_000_000 })).statusCode).toBe(404);
  });

  it.each([
    ['no name', {}],
    ['an empty name', { name: '' }],
    ['a blank name', { name: '   ' }],
    ['a name of 201 characters', { name: 'a'.repeat(201) }],
    ['a name with a line break', { name: 'a\nb' }],
    ['a name that is no text', { name: { $gt: '' } }],
    ['the reserved name', { name: 'STOWAGE_ADMIN_KEY' }],
    ['the kind of sessions', { name: 'x', kind: 'session' }],
    ['an unknown kind', { name: 'x', kind: 'root' }],
    ['scopes', { name: 'x', scopes: ['admin'] }],
    ['an expiry in the past', { name: 'x', expires_at: '2020-01-01T00:00:00Z' }],
    ['an expiry that is no moment', { name: 'x', expires_at: '2027-02-30T00:00:00Z' }],
    ['an expiry without time', { name: 'x', expires_at: '2027-01-01' }],
    ['an expiry that is a number', { name: 'x', expires_at: 4_000_000_000 }],
    ['a user that is null', { name: 'x', user_id: null }],
    ['a user beyond the integers', { name: 'x', user_id: 2_147_483_648 }],
  ])('are not made with %s', async (_, payload) => {
    const answer = await create(app.adminKey, payload);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'validation_failed' });
  });

  it('take names of 200 characters, whatever their script', async () => {
    const { userId } = await app.newUser();
    for (const name of ['a'.repeat(200), '\u{1F511}'.repeat(200), 'Schl\u00fcssel', 'מפתח', '鍵']) {
      expect(await app.ok(201, create(app.adminKey, { name, user_id: userId }))).toMatchObject({ name });
    }
  });

  describe('are listed', () => {
    let user: NewUser;
    const names: string[] = [];

    beforeAll(async () => {
      user = await app.newUser();
      for (let number = 0; number < 7; number++) {
        app.clock.nowMs += number % 2;
        names.push(`Key ${number}`);
        await app.ok(201, create(user.key, { name: `Key ${number}` }));
      }
    });

    it('page by page, the newest first, each exactly once', async () => {
      const seen: { name: string }[] = [];
      let url: string | undefined = '/api/v1/api-keys?limit=3';
      for (let pages = 0; url !== undefined; pages++) {
        expect(pages).toBeLessThan(4);
        const answer = await app.send('GET', url, { key: user.key });
        expect(answer.statusCode).toBe(200);
        const page = answer.json<PageJson>();
        seen.push(...(page.data as unknown as { name: string }[]));
        url = /<([^>]+)>; rel="next"/.exec(answer.headers.link?.toString() ?? '')?.[1];
        expect(url === undefined).toBe(page.next_cursor === null);
      }
      expect(seen.map(({ name }) => name).toSorted()).toEqual([...names, 'Key'].toSorted());
    });

    it('for others by administrators only', async () => {
      const other = await app.newUser();
      const url = `/api/v1/api-keys?user_id=${user.userId}`;
      expect((await app.send('GET', url, { key: other.key })).statusCode).toBe(404);
      const page = await app.ok<PageJson>(200, app.send('GET', url, { key: app.adminKey }));
      expect(page.data).toHaveLength(names.length + 1);
    });

    it('with a cursor of this listing only', async () => {
      const cursor = (id: unknown) => Buffer.from(JSON.stringify({ id })).toString('base64url');
      for (const value of [
        '',
        'x',
        cursor(randomUUID()),
        cursor('not-a-uuid'),
        cursor(1),
        cursor("' OR 1=1"),
      ]) {
        const answer = await app.send('GET', `/api/v1/api-keys?cursor=${value}`, { key: user.key });
        expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([400, 'validation_failed']);
      }
    });
  });

  describe('are revoked', () => {
    it('at once in this process', async () => {
      const user = await app.newUser();
      expect(await statusOf(user.key)).toBe(200);
      await app.ok(204, app.send('DELETE', `/api/v1/api-keys/${user.keyId}`, { key: app.adminKey }));
      expect(await statusOf(user.key)).toBe(401);
    });

    it('within a second in every other', async () => {
      const other = await AuthApp.start(database.url, { adminKey: '', clock: app.clock });
      try {
        const user = await app.newUser();
        expect((await other.send('GET', '/api/v1/me', { key: user.key })).statusCode).toBe(200);
        await app.ok(204, app.send('DELETE', `/api/v1/api-keys/${user.keyId}`, { key: app.adminKey }));
        app.clock.nowMs += 1_000;
        expect((await other.send('GET', '/api/v1/me', { key: user.key })).statusCode).toBe(401);
      } finally {
        await other.close();
      }
    });

    it('by themselves; a second time changes nothing', async () => {
      const user = await app.newUser();
      const path = `/api/v1/api-keys/${user.keyId}`;
      await app.ok(204, app.send('DELETE', path, { key: user.key }));
      const { revoked_at } = await app.ok<KeyJson>(200, app.send('GET', path, { key: app.adminKey }));
      app.clock.nowMs += 5_000;
      await app.ok(204, app.send('DELETE', path, { key: app.adminKey }));
      expect(await app.ok(200, app.send('GET', path, { key: app.adminKey }))).toMatchObject({ revoked_at });
    });

    it('by nobody else: a foreign key looks like an absent one', async () => {
      const [user, other] = [await app.newUser(), await app.newUser()];
      for (const method of ['GET', 'DELETE'] as const) {
        const answers = await Promise.all(
          [user.keyId, randomUUID()].map((id) =>
            app.send(method, `/api/v1/api-keys/${id}`, { key: other.key }),
          ),
        );
        expect(answers.map(({ statusCode }) => statusCode)).toEqual([404, 404]);
        const [foreign, absent] = answers.map((answer) => answer.json<{ detail: string }>().detail);
        expect(foreign).toBe(absent);
      }
      expect(await statusOf(user.key)).toBe(200);
      expect((await app.send('DELETE', '/api/v1/api-keys/1', { key: user.key })).statusCode).toBe(400);
    });
  });

  it('remember when they were used last, written in one statement for all', async () => {
    const users = [await app.newUser(), await app.newUser()];
    app.clock.nowMs += 10_000;
    await Promise.all(users.map(({ key }) => statusOf(key)));
    app.statements.length = 0;
    await app.app.get(KeyUsage, { strict: false }).flush();
    expect(app.statements).toEqual(['api_keys_touch']);
    const usedAt = new Date(app.clock.nowMs).toISOString();
    for (const { key, keyId } of users) {
      const found = await app.ok<KeyJson>(200, app.send('GET', `/api/v1/api-keys/${keyId}`, { key }));
      expect(found.last_used_at).toBe(usedAt);
    }
  });

  it('remember the latest use, whichever replica writes last', async () => {
    const user = await app.newUser();
    const usage = app.app.get(KeyUsage, { strict: false });
    await usage.flush();
    usage.note(user.keyId, 2_000_000_000_000);
    await usage.flush();
    usage.note(user.keyId, 1_900_000_000_000);
    await usage.flush();
    const { rows } = await sql.query<{ last_used_at: Date }>(
      'SELECT last_used_at FROM api_keys WHERE id = $1',
      [user.keyId],
    );
    expect(rows[0]!.last_used_at.getTime()).toBe(2_000_000_000_000);
  });
});
