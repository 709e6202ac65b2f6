import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import pg from 'pg';
import { startServer, type TestServer } from '../support/server.js';
import { AuthClient } from './auth-client.js';

const REVOKED_WITHIN_MS = 1_000;

interface CreatedKey {
  readonly id: string;
  readonly key: string;
}

describe('two replicas on one database', () => {
  let first: TestServer;
  let second: TestServer;
  let admin: AuthClient;
  const secrets: string[] = [];

  beforeAll(async () => {
    const ENCRYPTION_KEY = randomBytes(32).toString('hex');
    first = await startServer({ env: { ENCRYPTION_KEY } });
    const shared = { ENCRYPTION_KEY, DATABASE_URL: first.databaseUrl, STOWAGE_ADMIN_KEY: first.adminKey };
    second = await startServer({ env: shared });
    admin = AuthClient.withKey(first, first.adminKey);
    secrets.push(first.adminKey);
  });

  afterAll(async () => {
    await second?.stop();
    await first?.stop();
  });

  async function newUser(kind = 'user'): Promise<{ userId: number; key: CreatedKey }> {
    const { id } = await admin.json<{ id: number }>(201, 'POST', '/api/v1/users', { name: 'Ada' });
    const wanted = { name: 'Key', kind, user_id: id };
    const key = await admin.json<CreatedKey>(201, 'POST', '/api/v1/api-keys', wanted);
    secrets.push(key.key);
    return { userId: id, key };
  }

  it('agree on who somebody is', async () => {
    expect(second.userId).toBe(first.userId);
    const { userId, key } = await newUser();
    for (const server of [first, second]) {
      const me = await AuthClient.withKey(server, key.key).json(200, 'GET', '/api/v1/me');
      expect(me).toMatchObject({ user: { id: userId }, api_key: { id: key.id } });
    }
  });

  it('give each key its scope and no more', async () => {
    const [user, agent] = [await newUser(), await newUser('agent')];
    for (const server of [first, second]) {
      expect(await AuthClient.withKey(server, user.key.key).status('/api/v1/users')).toBe(403);
      expect(await AuthClient.withKey(server, agent.key.key).status('/api/v1/api-keys')).toBe(403);
      expect(await AuthClient.withKey(server, first.adminKey).status('/api/v1/users')).toBe(200);
    }
  });

  it('refuse whatever is not exactly one valid key, and never fail over it', async () => {
    const { key } = (await newUser()).key;
    const once = `Authorization: Bearer ${key}`;
    const heads: [string, number][] = [
      [once, 200],
      [`aUTHORIZATION:\tbEARER ${key}  `, 200],
      ['', 401],
      [`${once}\r\n${once}`, 401],
      [`${once}\r\nauthorization: Basic eDp5`, 401],
      [`Authorization: Bearer ${key.slice(0, -1)}`, 401],
      [`Authorization: Bearer ${key}\u00e9`, 401],
      [`Authorization: Bearer ${key}, Bearer ${key}`, 401],
      [`Authorization: Basic ${Buffer.from(`x:${key}`).toString('base64')}`, 401],
      [`Authorization: Bearer ${'A'.repeat(12_000)}`, 401],
      [`Authorization: Bearer ${'A'.repeat(1_000_000)}`, 400],
      [`Authorization: Bearer ${key}\0`, 400],
      [`Authorization: Bearer\r\n ${key}`, 400],
    ];
    for (const [head, status] of heads) {
      expect([head.slice(0, 60), await statusOfRaw(second, head)]).toEqual([head.slice(0, 60), status]);
    }
  });

  it('refuse a busy key a second after the other revoked it, and the one that revoked it at once', async () => {
    for (let round = 0; round < 3; round++) {
      const { key } = await newUser();
      const [here, there] = [first, second].map((server) => AuthClient.withKey(server, key.key));
      expect([await here!.status(), await there!.status()]).toEqual([200, 200]);
      let revokedAtMs = Infinity;
      const acceptedLate: number[] = [];
      const busy = (async () => {
        for (let status = 200; status !== 401;) {
          const sentMs = performance.now();
          status = await there!.status();
          if (status === 200 && sentMs - revokedAtMs > REVOKED_WITHIN_MS)
            acceptedLate.push(sentMs - revokedAtMs);
          if (sentMs - revokedAtMs > 5 * REVOKED_WITHIN_MS) return;
        }
      })();
      await admin.json(204, 'DELETE', `/api/v1/api-keys/${key.id}`);
      revokedAtMs = performance.now();
      expect(await here!.status()).toBe(401);
      await busy;
      expect(acceptedLate).toEqual([]);
      expect(await there!.status()).toBe(401);
    }
  });

  it('sign a browser in on one and let it work on the other', async () => {
    const { key } = await newUser();
    const opened = await new AuthClient(first).send('POST', '/api/v1/session', { api_key: key.key });
    expect(opened.status).toBe(204);
    const cookie = opened.headers.get('set-cookie')!.split(';')[0]!;
    secrets.push(cookie.replace('stowage_session=', ''));
    const browser = new AuthClient(second, { cookie, 'sec-fetch-site': 'same-origin' });
    await browser.json(201, 'POST', '/api/v1/api-keys', { name: 'From the browser' });
    const elsewhere = new AuthClient(second, { cookie, 'sec-fetch-site': 'cross-site' });
    await elsewhere.json(403, 'POST', '/api/v1/api-keys', { name: 'From elsewhere' });
    await browser.json(204, 'DELETE', '/api/v1/session');
    expect(await browser.status()).toBe(401);
  });

  it('write one audit log', async () => {
    const { userId, key } = await newUser();
    await AuthClient.withKey(second, key.key).json(204, 'DELETE', `/api/v1/api-keys/${key.id}`);
    const { data } = await admin.json<{ data: object[] }>(200, 'GET', '/api/v1/audit?limit=2');
    expect(data).toMatchObject([
      { action: 'api_key.revoked', user_id: userId, subject: `api_key:${key.id}`, address: '127.0.0.1' },
      { action: 'api_key.created', user_id: first.userId, subject: `api_key:${key.id}` },
    ]);
  });

  it('write down the last use of a key before they stop', async () => {
    const { key } = await newUser();
    expect(await AuthClient.withKey(second, key.key).status()).toBe(200);
    await second.terminate();
    const database = new pg.Client(first.databaseUrl);
    await database.connect();
    const { rows } = await database.query<{ last_used_at: Date | null }>(
      'SELECT last_used_at FROM api_keys WHERE id = $1',
      [key.id],
    );
    await database.end();
    expect(rows[0]!.last_used_at).toBeInstanceOf(Date);
    await second.restart();
  });

  it('have no key in their logs, in any spelling', () => {
    const logs = first.logs() + second.logs();
    expect(logs.length).toBeGreaterThan(1_000);
    for (const secret of secrets) {
      const bytes = Buffer.from(secret);
      for (const spelling of [
        secret,
        bytes.toString('base64'),
        bytes.toString('base64url'),
        bytes.toString('hex'),
      ]) {
        expect(logs.includes(spelling)).toBe(false);
      }
    }
  });
});

/** Sends the head of a request as it is, which fetch would mend or refuse. */
function statusOfRaw(server: TestServer, head: string): Promise<number> {
  const { port, host } = new URL(server.url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const finish = () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]));
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.once('end', finish);
    // A server that has answered need not read the rest of a head that is too long.
    socket.once('error', (error) => (answer === '' ? reject(error) : finish()));
    socket.write(
      Buffer.from(
        `GET /api/v1/me HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${head}\r\n\r\n`,
        'latin1',
      ),
    );
  });
}
