import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { kindOfKey, newApiKey } from '../../../src/auth/api-key-format.js';
import { SetupLinks } from '../../../src/auth/setup-links.service.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { AuthApp } from './auth-app.js';

const MINUTE_MS = 60_000;

describe('the first administrator', () => {
  let database: TestDatabase;
  const apps: AuthApp[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
  });

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await database.drop();
  });

  async function start(options: Parameters<typeof AuthApp.start>[1] = {}): Promise<AuthApp> {
    const app = await AuthApp.start(database.url, options);
    apps.push(app);
    return app;
  }

  const usersSeenBy = async (app: AuthApp, key: string) =>
    app.ok<{ data: { id: number; name: string }[] }>(200, app.send('GET', '/api/v1/users', { key }));

  describe('by the setup link', () => {
    let app: AuthApp;
    let links: SetupLinks;

    beforeEach(async () => {
      app = await start({ adminKey: '' });
      links = app.app.get(SetupLinks, { strict: false });
    });

    const newLink = async () => (await links.issueForFirstUser())!.path;
    const use = (path: string, name: unknown = 'Ada') =>
      app.send('POST', '/api/v1/setup', { payload: { token: path.replace('/setup/', ''), name } });

    it('is made once, with a key that is shown once and a session', async () => {
      const path = await newLink();
      const answer = await use(path);
      expect(answer.statusCode).toBe(201);
      const { user, api_key } = answer.json<{ user: { id: number }; api_key: string }>();
      expect(kindOfKey(api_key)).toBe('admin');
      expect((await usersSeenBy(app, api_key)).data).toMatchObject([{ id: user.id, name: 'Ada' }]);
      const cookie = answer.headers['set-cookie']!.toString().split(';')[0]!;
      expect((await app.send('GET', '/api/v1/users', { headers: { cookie } })).statusCode).toBe(200);
      const again = await use(path);
      expect([again.statusCode, again.json<{ code: string }>().code]).toEqual([410, 'setup_link_invalid']);
    });

    it('is made once when many use the link at the same time', async () => {
      const path = await newLink();
      const answers = await Promise.all(Array.from({ length: 8 }, () => use(path)));
      expect(answers.map(({ statusCode }) => statusCode).toSorted()).toEqual([201, ...Array(7).fill(410)]);
    });

    it('is offered by every start until there is one; then all links end', async () => {
      const [first, second] = [await newLink(), await newLink()];
      expect(first).not.toBe(second);
      expect((await use(first)).statusCode).toBe(201);
      expect((await use(second)).statusCode).toBe(410);
      expect(await links.issueForFirstUser()).toBeUndefined();
    });

    it('can be made again by an operator whose administrators lost their keys', async () => {
      await use(await newLink());
      const { path } = await links.issue();
      expect((await use(path, 'Grace')).statusCode).toBe(201);
    });

    it('is not made half an hour later', async () => {
      const path = await newLink();
      app.clock.nowMs += 30 * MINUTE_MS - 1;
      expect((await app.send('GET', path)).statusCode).toBe(200);
      app.clock.nowMs += 1;
      expect((await app.send('GET', path)).statusCode).toBe(410);
      expect((await use(path)).statusCode).toBe(410);
    });

    it('is not made by looking at the page', async () => {
      const path = await newLink();
      for (let times = 0; times < 2; times++) {
        const page = await app.send('GET', path);
        expect(page.statusCode).toBe(200);
        expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
        expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'nonce-/);
        expect(page.headers['cache-control']).toBe('no-store');
        expect(page.headers['referrer-policy']).toBe('no-referrer');
        expect(page.body).not.toContain(path.replace('/setup/', ''));
      }
      expect((await use(path)).statusCode).toBe(201);
    });

    it('is not made with another token, from another site, or without a name', async () => {
      const path = await newLink();
      for (const token of ['x', 'A'.repeat(43), `${path}x`, '%00', 'é'.repeat(43)]) {
        expect((await use(token)).statusCode).toBe(410);
      }
      for (const name of ['', ' ', 'a\u0007', 'a'.repeat(201), 7, null]) {
        expect((await use(path, name)).statusCode).toBe(400);
      }
      const payload = { token: path.replace('/setup/', ''), name: 'Mallory' };
      const headers = { origin: 'https://evil.example' };
      expect((await app.send('POST', '/api/v1/setup', { payload, headers })).statusCode).toBe(403);
      expect((await use(path)).statusCode).toBe(201);
    });
  });

  describe('by STOWAGE_ADMIN_KEY', () => {
    it('is made once, however many servers start with it and however often', async () => {
      const adminKey = newApiKey('admin');
      const replicas = await Promise.all([1, 2, 3, 4].map(() => start({ adminKey })));
      await start({ adminKey });
      const { data } = await usersSeenBy(replicas[0]!, adminKey);
      expect(data).toHaveLength(1);
      const keys = await replicas[3]!.ok<{ data: object[] }>(
        200,
        replicas[3]!.send('GET', '/api/v1/api-keys', { key: adminKey }),
      );
      expect(keys.data).toHaveLength(1);
      expect(await replicas[0]!.app.get(SetupLinks, { strict: false }).issueForFirstUser()).toBeUndefined();
    });

    it('keeps the user and loses the old key when the variable changes', async () => {
      const before = await start();
      const after = await start({ adminKey: newApiKey('admin'), clock: before.clock });
      expect((await usersSeenBy(after, after.adminKey)).data).toHaveLength(1);
      before.clock.nowMs += 1_000;
      expect((await before.send('GET', '/api/v1/me', { key: before.adminKey })).statusCode).toBe(401);
    });

    it('does not bring back a key that was revoked', async () => {
      const before = await start();
      const me = await before.ok<{ api_key: { id: string } }>(
        200,
        before.send('GET', '/api/v1/me', { key: before.adminKey }),
      );
      await before.ok(
        204,
        before.send('DELETE', `/api/v1/api-keys/${me.api_key.id}`, { key: before.adminKey }),
      );
      const after = await start({ adminKey: before.adminKey });
      expect((await after.send('GET', '/api/v1/me', { key: before.adminKey })).statusCode).toBe(401);
    });

    it('is refused with a typing error', async () => {
      const key = newApiKey('admin');
      const mistyped = key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a');
      await expect(start({ adminKey: mistyped })).rejects.toThrow(/STOWAGE_ADMIN_KEY.*typing error/);
    });
  });
});
