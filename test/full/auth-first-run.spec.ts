import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { kindOfKey } from '../../src/auth/api-key-format.js';
import { startServer, type TestServer } from '../support/server.js';
import { AuthClient, logged } from '../e2e/auth-client.js';

const LINK = /http:\/\/127\.0\.0\.1:\d+(\/setup\/[\w-]{43})/;
/** Nothing of this process's environment but what Node itself needs. */
const BARE = { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE };
const ADMIN = join(import.meta.dirname, '../../dist/src/cli/admin.js');

describe('a new installation, on its own PostgreSQL', () => {
  let server: TestServer;
  let client: AuthClient;
  let links: string[];

  beforeAll(async () => {
    server = await startServer({ env: { STOWAGE_ADMIN_KEY: '', DATABASE_URL: '' } });
  });

  afterAll(() => server?.stop());

  it('prints another link at each start, and is set up with one of them, once', async () => {
    const first = await newLink(server);
    await server.restart();
    const second = await newLink(server, first);
    links = [first, second];
    const browser = new AuthClient(server);
    for (const path of links) {
      const page = await browser.send('GET', path);
      expect(page.status).toBe(200);
      expect(page.headers.get('content-type')).toMatch(/^text\/html/);
      expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'nonce-/);
    }

    const payload = { token: second.replace('/setup/', ''), name: 'Ada' };
    const done = await browser.json<{ api_key: string }>(201, 'POST', '/api/v1/setup', payload);
    await browser.json(410, 'POST', '/api/v1/setup', payload);
    for (const path of links) expect((await browser.send('GET', path)).status).toBe(410);
    client = AuthClient.withKey(server, done.api_key);
    expect(await client.json(200, 'GET', '/api/v1/me')).toMatchObject({ user: { name: 'Ada' } });
    expect(server.logs()).not.toContain(done.api_key);
  });

  it('survives a restart and kill -9, and prints no more links', async () => {
    await server.restart();
    expect(await client.status()).toBe(200);
    await server.kill();
    await server.restart();
    expect(await client.status()).toBe(200);
    expect(await client.status('/health/ready')).toBe(200);
    expect(linksOf(server)).toEqual(links);
  });

  it('is administered from the command line while it runs', async () => {
    const created = await admin(server, undefined, 'create-user', 'Grace', '--admin');
    client = AuthClient.withKey(server, created.stdout.trim());
    expect(await client.json(200, 'GET', '/api/v1/me')).toMatchObject({ user: { name: 'Grace' } });
    expect(await client.status('/api/v1/users')).toBe(200);
    const { data } = await client.json<{ data: { action: string }[] }>(200, 'GET', '/api/v1/audit');
    expect(data.map(({ action }) => action)).toEqual([
      'api_key.created',
      'user.created',
      'session.opened',
      'setup.completed',
      'setup_link.issued',
      'setup_link.issued',
    ]);
  });

  it('works again by itself after PostgreSQL was killed; meanwhile it says so', async () => {
    const before = await client.json<object>(200, 'GET', '/api/v1/users');
    const killed = await postmasterOf(server);
    process.kill(killed, 'SIGKILL');
    const isKilledOne = async () => (await postmasterOf(server).catch(() => killed)) === killed;
    for (let status = 0; status !== 200 || (await isKilledOne());) {
      status = await client.status('/api/v1/users');
      expect([200, 503]).toContain(status);
    }
    expect(await client.json(200, 'GET', '/api/v1/users')).toEqual(before);
    expect(await client.status('/health/ready')).toBe(200);
  });

  it('takes PostgreSQL with it, in good order', async () => {
    const postmaster = await postmasterOf(server);
    expect(() => process.kill(postmaster, 0)).not.toThrow();
    await server.terminate();
    expect(() => process.kill(postmaster, 0)).toThrow('ESRCH');
    // Removed only by an orderly shutdown.
    await expect(postmasterOf(server)).rejects.toThrow('ENOENT');
  });
});

it('prints no link when there is an admin key, and takes a link from the command line', async () => {
  const server = await startServer();
  try {
    const { stdout } = await admin(server, server.databaseUrl, 'setup-link');
    const token = /^\/setup\/([\w-]{43})\n$/.exec(stdout)?.[1];
    const browser = new AuthClient(server);
    const payload = { token, name: 'Ada' };
    const done = await browser.json<{ api_key: string }>(201, 'POST', '/api/v1/setup', payload);
    expect(await AuthClient.withKey(server, done.api_key).status('/api/v1/users')).toBe(200);
    expect(linksOf(server)).toEqual([]);
  } finally {
    await server.stop();
  }
});

describe('npm run admin', () => {
  const run = (...args: string[]) => promisify(execFile)(process.execPath, [ADMIN, ...args], { env: BARE });

  it('makes keys for STOWAGE_ADMIN_KEY without a database', async () => {
    const { stdout } = await run('new-key');
    expect(stdout).toMatch(/\n$/);
    expect(kindOfKey(stdout.trim())).toBe('admin');
  });

  it.each([
    [[]],
    [['delete-everything']],
    [['new-key', 'x']],
    [['setup-link', '--admin']],
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

function linksOf(server: TestServer): string[] {
  return [...server.logs().matchAll(new RegExp(LINK, 'g'))].map(([, path]) => path!);
}

/** The first link that is printed, or the first that is not `known`. */
async function newLink(server: TestServer, known = 'none'): Promise<string> {
  return (await logged(server, new RegExp(`^(?!.*${known}).*${LINK.source}`, 'm')))[1]!;
}

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
  const env = { ...BARE, DATA_DIR: server.dataDir, PORT: '0', DATABASE_URL: databaseUrl };
  return promisify(execFile)(process.execPath, [ADMIN, ...args], { env });
}
