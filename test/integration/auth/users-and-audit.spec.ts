import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { AuthApp } from './auth-app.js';

interface AuditJson {
  readonly id: number;
  readonly action: string;
  readonly subject: string;
  readonly user_id: number | null;
}

interface AuditPage {
  readonly data: AuditJson[];
  readonly next_cursor: string | null;
}

describe('users and the audit log', () => {
  let database: TestDatabase;
  let app: AuthApp;
  let sql: pg.Client;
  let adminId: number;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await AuthApp.start(database.url);
    sql = new pg.Client({ connectionString: database.url });
    await sql.connect();
    const me = await app.ok<{ user: { id: number } }>(
      200,
      app.send('GET', '/api/v1/me', { key: app.adminKey }),
    );
    adminId = me.user.id;
  });

  afterAll(async () => {
    await sql?.end();
    await app?.close();
    await database?.drop();
  });

  const admin = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) =>
    app.send(method, url, { key: app.adminKey, payload });
  const audit = (query = '', key = app.adminKey) =>
    app.ok<AuditPage>(200, app.send('GET', `/api/v1/audit${query}`, { key }));

  it('are created, shown, renamed and listed in order', async () => {
    const created = await admin('POST', '/api/v1/users', { name: 'Ada' });
    expect(created.statusCode).toBe(201);
    const path = created.headers.location!;
    expect(await app.ok(200, admin('GET', path))).toEqual(created.json());
    expect(await app.ok(200, admin('PATCH', path, { name: 'Ada L.' }))).toMatchObject({ name: 'Ada L.' });
    for (let number = 0; number < 4; number++) await app.newUser();
    const first = await app.ok<{ data: { id: number }[]; next_cursor: string }>(
      200,
      admin('GET', '/api/v1/users?limit=2'),
    );
    const rest = await app.ok<{ data: { id: number }[]; next_cursor: null }>(
      200,
      admin('GET', `/api/v1/users?limit=1000&cursor=${first.next_cursor}`),
    );
    const ids = [...first.data, ...rest.data].map(({ id }) => id);
    const { rows } = await sql.query<{ id: number }>('SELECT id FROM users ORDER BY id');
    expect(ids).toEqual(rows.map(({ id }) => id));
  });

  it.each(['0', '-1', '1.5', 'x', '2147483648', '1e3', '%00'])('are not found by the id %s', async (id) => {
    expect((await admin('GET', `/api/v1/users/${id}`)).statusCode).toBe(400);
  });

  it('are not found when absent', async () => {
    expect((await admin('GET', '/api/v1/users/2147483647')).statusCode).toBe(404);
    expect((await admin('PATCH', '/api/v1/users/2147483647', { disabled: true })).statusCode).toBe(404);
  });

  it('are disabled and enabled again; their keys with them', async () => {
    const user = await app.newUser();
    const path = `/api/v1/users/${user.userId}`;
    const status = async () => (await app.send('GET', '/api/v1/me', { key: user.key })).statusCode;
    expect(await status()).toBe(200);
    const { disabled_at } = await app.ok<{ disabled_at: string }>(
      200,
      admin('PATCH', path, { disabled: true }),
    );
    expect(await status()).toBe(401);
    app.clock.nowMs += 5_000;
    expect(await app.ok(200, admin('PATCH', path, { disabled: true }))).toMatchObject({ disabled_at });
    expect(await app.ok(200, admin('PATCH', path, { disabled: false }))).toMatchObject({ disabled_at: null });
    expect(await status()).toBe(200);
  });

  it('always leave somebody who can administer, also when two disable each other', async () => {
    const alone = await admin('PATCH', `/api/v1/users/${adminId}`, { disabled: true });
    expect([alone.statusCode, alone.json<{ code: string }>().code]).toEqual([409, 'last_admin']);
    const other = await app.newUser('admin');
    const disable = (id: number, key: string) =>
      app.send('PATCH', `/api/v1/users/${id}`, { key, payload: { disabled: true } });
    const answers = await Promise.all([disable(adminId, other.key), disable(other.userId, app.adminKey)]);
    expect(answers.map(({ statusCode }) => statusCode).toSorted()).toEqual([200, 409]);
    const { rows } = await sql.query('SELECT id FROM users WHERE disabled_at IS NULL AND id = ANY($1)', [
      [adminId, other.userId],
    ]);
    expect(rows).toHaveLength(1);
    // Whoever is left brings the other back for the tests that follow.
    await sql.query('UPDATE users SET disabled_at = NULL');
    app.clock.nowMs += 1_000;
  });

  it('leave a record of every act: who, what, from where, under which request', async () => {
    const user = await app.newUser();
    const headers = { 'x-request-id': 'audit-test-0001' };
    const revoked = await app.send('DELETE', `/api/v1/api-keys/${user.keyId}`, {
      key: app.adminKey,
      headers,
    });
    expect(revoked.statusCode).toBe(204);
    const { data } = await audit('?limit=3');
    expect(data).toMatchObject([
      {
        action: 'api_key.revoked',
        subject: `api_key:${user.keyId}`,
        user_id: adminId,
        address: '127.0.0.1',
        request_id: 'audit-test-0001',
        details: { user_id: user.userId, kind: 'user' },
      },
      { action: 'api_key.created', subject: `api_key:${user.keyId}`, user_id: adminId },
      { action: 'user.created', subject: `user:${user.userId}`, user_id: adminId },
    ]);
  });

  it('hold no secret', async () => {
    const { rows } = await sql.query('SELECT * FROM audit_log');
    expect(JSON.stringify(rows)).not.toMatch(/stw_[a-z]+_/);
  });

  it('are read page by page, the newest first, without gaps while entries are added', async () => {
    const before = await audit('?limit=1000');
    const seen: number[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: AuditPage = await audit(`?limit=4${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.next_cursor;
      await app.newUser();
    }
    expect(seen).toEqual(before.data.map(({ id }) => id));
  });

  it('are read filtered', async () => {
    const { data } = await audit(`?action=user.created&user_id=${adminId}`);
    expect(data.length).toBeGreaterThan(0);
    expect(data.every((entry) => entry.action === 'user.created' && entry.user_id === adminId)).toBe(true);
  });

  it('show a user only what that user did', async () => {
    const user = await app.newUser();
    await app.ok(201, app.send('POST', '/api/v1/api-keys', { key: user.key, payload: { name: 'x' } }));
    const { data } = await audit('', user.key);
    expect(data).toMatchObject([{ action: 'api_key.created', user_id: user.userId }]);
    expect((await app.send('GET', `/api/v1/audit?user_id=${adminId}`, { key: user.key })).statusCode).toBe(
      404,
    );
  });

  it('stop acts that cannot be written down', async () => {
    const user = await app.newUser();
    await sql.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the log is full'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON audit_log EXECUTE FUNCTION refuse()`);
    try {
      const counts = async () =>
        (
          await sql.query(
            'SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM api_keys) AS keys',
          )
        ).rows;
      const before = await counts();
      const acts = await Promise.all([
        admin('POST', '/api/v1/users', { name: 'x' }),
        admin('PATCH', `/api/v1/users/${user.userId}`, { disabled: true }),
        admin('POST', '/api/v1/api-keys', { name: 'x' }),
        admin('DELETE', `/api/v1/api-keys/${user.keyId}`),
        app.send('POST', '/api/v1/session', { payload: { api_key: user.key } }),
      ]);
      expect(acts.map(({ statusCode }) => statusCode)).toEqual([500, 500, 500, 500, 500]);
      expect(await counts()).toEqual(before);
      expect((await app.send('GET', '/api/v1/me', { key: user.key })).statusCode).toBe(200);
    } finally {
      await sql.query('DROP TRIGGER refuse ON audit_log; DROP FUNCTION refuse');
    }
  });
});
