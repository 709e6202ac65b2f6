import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { getOnce } from '../support/get-once.js';
import { startServer, type TestServer } from '../support/server.js';

/** Nothing of this process's environment but what Node itself needs. */
const BARE = { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE };
const MAIN = join(import.meta.dirname, '../../dist/src/main.js');

describe('stopping', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ env: { RATE_LIMIT_PER_KEY: '1000000' } });
  });

  afterAll(() => server?.stop());

  it('finishes an upload that has begun', async () => {
    const authorization = `Bearer ${server.adminKey}`;
    await fetch(`${server.url}/api/v1/settings/cloud-storage`, {
      method: 'PUT',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ provider: 'local_disk', bucket_name: 'files' }),
    });
    const request = httpRequest(`${server.url}/api/v1/files?filename=slow.bin`, {
      method: 'PUT',
      headers: { authorization, 'content-type': 'application/octet-stream', 'content-length': 40_000 },
    });
    request.write(Buffer.alloc(10_000));
    await pause(200);
    process.kill(server.pid, 'SIGTERM');
    for (let part = 0; part < 3; part++) {
      await pause(300);
      request.write(Buffer.alloc(10_000));
    }
    request.end();
    const [response] = (await once(request, 'response')) as [Readable & { statusCode: number }];
    response.resume();
    expect(response.statusCode).toBe(201);
    await server.restart();
    const list = (await (
      await fetch(`${server.url}/api/v1/files`, { headers: { authorization } })
    ).json()) as { data: object[] };
    expect(list.data).toMatchObject([{ filename: 'slow.bin', file_size: 40_000 }]);
  });

  it('under load cuts no request and exits with 0', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const outcomes: string[] = [];
    const client = async (): Promise<void> => {
      while (outcomes.at(-1) !== 'ECONNREFUSED')
        outcomes.push(
          await getOnce(agent, `${server.url}/api/v1/me`, { authorization: `Bearer ${server.adminKey}` }),
        );
    };
    const clients = Array.from({ length: 8 }, client);
    while (outcomes.length < 100) await pause(10);
    const { pid } = server;
    const before = server.logs().length;
    process.kill(pid, 'SIGTERM');
    await Promise.all(clients);
    agent.destroy();
    for (const startMs = performance.now(); isAlive(pid) && performance.now() - startMs < 30_000;)
      await pause(20);
    const said = server
      .logs()
      .slice(before)
      .replaceAll(/^.*"msg":"request".*\n?/gm, '');

    expect(new Set(outcomes)).toEqual(new Set(['200', 'ECONNREFUSED']));
    expect(said).toContain('"msg":"stopped"');
    expect(said).not.toContain('requests were cut');
  });
});

describe('a process on its own', () => {
  let dataDir: string;
  let database: TestDatabase;
  let child: ChildProcess | undefined;

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterAll(() => database?.drop());

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'stowage-process-'));
  });

  afterEach(async () => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(dataDir, { recursive: true, force: true });
  });

  function start(env: Record<string, string>): {
    child: ChildProcess;
    ended: Promise<number | null>;
    output: () => string;
  } {
    let output = '';
    const started = spawn(process.execPath, [MAIN], {
      env: { ...BARE, DATA_DIR: dataDir, PORT: '0', ...env },
      cwd: dataDir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [started.stdout, started.stderr]) {
      createInterface({ input: stream }).on('line', (line) => (output += `${line}\n`));
    }
    child = started;
    const ended = once(started, 'close').then(([code]) => code as number | null);
    return { child: started, ended, output: () => output };
  }

  async function listening(output: () => string): Promise<string> {
    for (const startMs = performance.now(); performance.now() - startMs < 60_000;) {
      const url = /"url":"([^"]+)".*"msg":"listening"/.exec(output())?.[1];
      if (url !== undefined) return url;
      await pause(50);
    }
    throw new Error(`It does not listen:\n${output()}`);
  }

  it('names every mistake of its configuration and exits with 78', async () => {
    const { ended, output } = start({ PORT: 'x', DATABASE_URL: 'mysql://x', LOG_LEVEL: 'loud' });
    expect(await ended).toBe(78);
    for (const name of ['PORT', 'DATABASE_URL', 'LOG_LEVEL']) expect(output()).toContain(`- ${name} must`);
  });

  it('reads a .env file of its working folder, which the environment overrides', async () => {
    await writeFile(join(dataDir, '.env'), 'LOG_LEVEL=loud\nPORT=x\n');
    const { ended, output } = start({});
    expect(await ended).toBe(78);
    expect(output()).toContain('LOG_LEVEL must');
    expect(output()).not.toContain('PORT must');
  });

  it('brings its own database, and leaves no process behind', async () => {
    const { child: started, ended, output } = start({});
    const url = await listening(output);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    const postmaster = Number((await readFile(await pidFile(dataDir), 'utf8')).split('\n')[0]);
    expect(isAlive(postmaster)).toBe(true);
    started.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(isAlive(postmaster)).toBe(false);
  });

  it('takes one keypress that arrives twice, as below npm, for one signal', async () => {
    const { child: started, ended, output } = start({ DATABASE_URL: database.url });
    await listening(output);
    started.kill('SIGINT');
    started.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(output()).toContain('"msg":"stopped"');
  });

  it('stops at once at the second signal', async () => {
    const { child: started, ended, output } = start({ DATABASE_URL: database.url });
    const url = await listening(output);
    // A request that never ends keeps the first signal waiting.
    const request = httpRequest(`${url}/api/v1/setup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': 100 },
    }).on('error', () => undefined);
    request.write('{');
    await pause(200);
    started.kill('SIGINT');
    await pause(1_000);
    expect(started.exitCode).toBeNull();
    const startMs = performance.now();
    started.kill('SIGINT');
    expect(await ended).toBe(1);
    expect(performance.now() - startMs).toBeLessThan(15_000);
  });

  it('says which port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { ended, output } = start({ PORT: String(port), DATABASE_URL: database.url });
    expect(await ended).toBe(1);
    expect(output()).toContain(`127.0.0.1:${port} is taken`);
    other.close();
  });
});

async function pidFile(dataDir: string): Promise<string> {
  for await (const path of glob('**/postmaster.pid', { cwd: dataDir })) return join(dataDir, path);
  throw new Error('There is no postmaster.pid.');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
