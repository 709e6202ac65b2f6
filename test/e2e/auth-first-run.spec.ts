import { afterEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startServer, type TestServer } from '../support/server.js';
import { AuthClient, logged } from './auth-client.js';

const LINK = /http:\/\/127\.0\.0\.1:\d+(\/setup\/[\w-]{43})/g;
const ADMIN = join(import.meta.dirname, '../../dist/src/cli/admin.js');

describe('a new installation', () => {
  let server: TestServer;

  afterEach(() => server.stop());

  const linksOf = () => [...server.logs().matchAll(LINK)].map(([, path]) => path!);
  const newLink = async (known: readonly string[]) => {
    const unknown = known.map((path) => `(?!.*${path})`).join('');
    return (await logged(server, new RegExp(`^${unknown}.*${LINK.source}`, 'm')))[1]!;
  };

  describe('on its own PostgreSQL', () => {
    it('is set up with the printed link, and survives a restart and kill -9', async () => {
      server = await startServer({ env: { STOWAGE_ADMIN_KEY: '', DATABASE_URL: '' } });
      const path = await newLink([]);
      const browser = new AuthClient(server);
      const page = await browser.send('GET', path);
      expect(page.status).toBe(200);
      expect(page.headers.get('content-type')).toMatch(/^text\/html/);
      expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'nonce-/);

      const payload = { token: path.replace('/setup/', ''), name: 'Ada' };
      const done = await browser.json<{ user: { id: number }; api_key: string }>(
        201,
        'POST',
        '/api/v1/setup',
        payload,
      );
      await browser.json(410, 'POST', '/api/v1/setup', payload);
      expect((await browser.send('GET', path)).status).toBe(410);

      const client = AuthClient.withKey(server, done.api_key);
      expect(await client.json(200, 'GET', '/api/v1/me')).toMatchObject({ user: { id: done.user.id } });
      await server.restart();
      expect(await client.status()).toBe(200);
      await server.kill();
      await server.restart();
      expect(await client.status()).toBe(200);
      expect(linksOf()).toEqual([path]);
      expect(server.logs()).not.toContain(done.api_key);
    });

    it('ends PostgreSQL with the server', async () => {
      server = await startServer({ env: { DATABASE_URL: '' } });
      const postmaster = await postmasterOf(server);
      expect(() => process.kill(postmaster, 0)).not.toThrow();
      await server.terminate();
      expect(() => process.kill(postmaster, 0)).toThrow('ESRCH');
      // Removed only by an orderly shutdown.
      await expect(postmasterOf(server)).rejects.toThrow('ENOENT');
    });

    it('works again by itself after PostgreSQL was killed; meanwhile it says so', async () => {
      server = await startServer({ env: { DATABASE_URL: '' } });
      const client = AuthClient.withKey(server, server.adminKey);
      const before = await client.json<object>(200, 'GET', '/api/v1/users');
      process.kill(await postmasterOf(server), 'SIGKILL');
      const statuses = new Set<number>();
      for (let status = 0; status !== 200 || !statuses.has(503);) {
        status = await client.status('/api/v1/users');
        statuses.add(status);
        expect([200, 503]).toContain(status);
      }
      expect(await client.json(200, 'GET', '/api/v1/users')).toEqual(before);
      expect(await client.status('/health/ready')).toBe(200);
    });

    it('is administered from the command line while the server runs', async () => {
      server = await startServer({ env: { STOWAGE_ADMIN_KEY: '', DATABASE_URL: '' } });
      const created = await admin(server, undefined, 'create-user', 'Grace', '--admin');
      const client = AuthClient.withKey(server, created.stdout.trim());
      expect(await client.json(200, 'GET', '/api/v1/me')).toMatchObject({ user: { name: 'Grace' } });
      expect(await client.status('/api/v1/users')).toBe(200);
      const { data } = await client.json<{ data: { action: string; user_id: null }[] }>(
        200,
        'GET',
        '/api/v1/audit',
      );
      expect(data.map(({ action }) => action)).toEqual([
        'api_key.created',
        'user.created',
        'setup_link.issued',
      ]);
    });
  });

  it('prints another link at each start until one is used; then no more', async () => {
    server = await startServer({ env: { STOWAGE_ADMIN_KEY: '' } });
    const first = await newLink([]);
    await server.restart();
    const second = await newLink([first]);
    const browser = new AuthClient(server);
    for (const path of [first, second]) expect((await browser.send('GET', path)).status).toBe(200);
    await browser.json(201, 'POST', '/api/v1/setup', { token: second.replace('/setup/', ''), name: 'Ada' });
    expect((await browser.send('GET', first)).status).toBe(410);
    await server.restart();
    expect(await browser.status('/health/ready')).toBe(200);
    expect(linksOf()).toEqual([first, second]);
  });

  it('prints no link when there is an admin key, and takes a link from the command line', async () => {
    server = await startServer();
    const { stdout } = await admin(server, server.databaseUrl, 'setup-link');
    const token = /^\/setup\/([\w-]{43})\n$/.exec(stdout)?.[1];
    const browser = new AuthClient(server);
    const done = await browser.json<{ api_key: string }>(201, 'POST', '/api/v1/setup', {
      token,
      name: 'Ada',
    });
    expect(await AuthClient.withKey(server, done.api_key).status('/api/v1/users')).toBe(200);
    expect(linksOf()).toEqual([]);
  });
});

describe('npm run admin', () => {
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, [ADMIN, ...args], { env: { PATH: process.env.PATH } });

  it('makes keys for STOWAGE_ADMIN_KEY without a database', async () => {
    const { stdout } = await run('new-key');
    const server = await startServer({ env: { STOWAGE_ADMIN_KEY: stdout.trim() } });
    try {
      expect(await AuthClient.withKey(server, stdout.trim()).status('/api/v1/users')).toBe(200);
    } finally {
      await server.stop();
    }
  });

  it.each([
    [[]],
    [['delete-everything']],
    [['new-key', 'x']],
    [['create-user']],
    [['create-user', 'a', 'b']],
    [['--force']],
  ])('shows how it is used for %j', async (args) => {
    await expect(run(...args)).rejects.toMatchObject({
      code: 64,
      stdout: '',
      stderr: expect.stringContaining('npm run admin -- <command>'),
    });
  });
});

async function postmasterOf(server: TestServer): Promise<number> {
  const pidFile = await readFile(join(server.dataDir, 'postgres/data/postmaster.pid'), 'utf8');
  return Number(pidFile.split('\n')[0]);
}

/** The command with the environment of the server; `databaseUrl` undefined: the embedded one. */
function admin(
  server: TestServer,
  databaseUrl: string | undefined,
  ...args: string[]
): Promise<{ stdout: string; stderr: string }> {
  const env = { PATH: process.env.PATH, DATA_DIR: server.dataDir, PORT: '0', DATABASE_URL: databaseUrl };
  return promisify(execFile)(process.execPath, [ADMIN, ...args], { env });
}
