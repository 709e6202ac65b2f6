import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { locateBinaries } from '../../../src/database/embedded/binaries.js';
import { readCluster } from '../../../src/database/embedded/cluster.js';
import {
  type EmbeddedPostgres,
  runningEmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/database/embedded/embedded-postgres.js';
import { untilReady } from '../../../src/database/embedded/first-connection.js';
import { freePort } from '../../../src/database/embedded/free-port.js';
import { readPidFile } from '../../../src/database/embedded/leftover-processes.js';
import { chooseRunAs } from '../../../src/database/embedded/run-as.js';
import { ServerProcess } from '../../../src/database/embedded/server-process.js';

describe('the embedded PostgreSQL', () => {
  let dataDir: string;
  let running: EmbeddedPostgres | undefined;
  const heard: string[] = [];

  async function start(): Promise<EmbeddedPostgres> {
    heard.length = 0;
    running = await startEmbeddedPostgres({ dataDir, log: (line) => heard.push(line) });
    return running;
  }

  async function stop(): Promise<void> {
    await running?.stop();
    running = undefined;
  }

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'stowage-embedded-'));
  });

  afterAll(async () => {
    await stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('is made at the first start, after what an interrupted attempt left', async () => {
    await mkdir(join(dataDir, 'postgres.new-interrupted', 'data'), { recursive: true });
    const { url } = await start();
    expect(url).toMatch(/^postgres:\/\/stowage:[0-9a-f]{48}@127\.0\.0\.1:\d+\/stowage$/);
    expect((await readdir(dataDir)).toSorted()).toEqual(['postgres', 'postgres.lock']);
  });

  it('is as durable as PostgreSQL can be', async () => {
    const settings = ['fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums'];
    const rows = await query(running!.url, 'SELECT name, setting FROM pg_settings WHERE name = ANY($1)', [
      settings,
    ]);
    expect(rows).toHaveLength(settings.length);
    expect(rows.map(({ setting }) => setting)).toEqual(settings.map(() => 'on'));
  });

  it('lets nobody in without its password, which only its user can read', async () => {
    const wrong = new URL(running!.url);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    expect((await stat(join(dataDir, 'postgres', 'password'))).mode & 0o077).toBe(0);
  });

  it('tells a second server what to do', async () => {
    await expect(startEmbeddedPostgres({ dataDir, log: () => undefined })).rejects.toThrow(
      /is in use by another Stowage.*DATA_DIR.*DATABASE_URL/,
    );
    await expect(query(running!.url, 'SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
  });

  it('can be found by commands beside the server, while it runs', async () => {
    const { url } = running!;
    await expect(runningEmbeddedPostgres(dataDir)).resolves.toBe(url);
    await stop();
    await expect(runningEmbeddedPostgres(dataDir)).resolves.toBeUndefined();
  });

  it('is ended by stop, connections included', async () => {
    const { url } = await start();
    const { pid } = (await readPidFile(join(dataDir, 'postgres', 'data')))!;
    const client = new pg.Client({ connectionString: url });
    const lost = new Promise((resolve) => client.on('error', resolve));
    await client.connect();
    await stop();
    await expect(lost).resolves.toBeInstanceOf(Error);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('starts although its pid file names a process that is now something else', async () => {
    const pidFile = join(dataDir, 'postgres', 'data', 'postmaster.pid');
    await writeFile(pidFile, `${process.pid}\n${join(dataDir, 'postgres', 'data')}\n0\n1\n\n127.0.0.1\n`);
    const { url } = await start();
    await expect(query(url, 'SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
    await stop();
  });

  it('ends a PostgreSQL that outlived its server, then starts its own', async () => {
    const binaries = await locateBinaries(dataDir);
    const runAs = await chooseRunAs();
    const cluster = (await readCluster(dataDir))!;
    const port = await freePort();
    const options = { binaries, runAs, cluster, settings: {}, log: () => undefined };
    const outliving = new ServerProcess(options, port);
    await untilReady(outliving, cluster, port);
    const { url } = await start();
    await expect(outliving.ended).resolves.toBe('code 0');
    expect(heard.join()).toContain('Ending the PostgreSQL that an earlier server left behind');
    await expect(query(url, 'SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
    await stop();
  });

  it('says so when another major version made its files', async () => {
    const versionFile = join(dataDir, 'postgres', 'data', 'PG_VERSION');
    const version = await readFile(versionFile, 'utf8');
    await writeFile(versionFile, '13\n');
    await expect(start()).rejects.toThrow(/was made by PostgreSQL 13, and this Stowage brings \d\d\./);
    await writeFile(versionFile, version);
  });

  it('passes on what PostgreSQL said when it does not start', async () => {
    await writeFile(join(dataDir, 'postgres', 'data', 'postgresql.conf'), 'no_such_setting = 1\n');
    await expect(start()).rejects.toThrow(/did not start: it ended with code 1\.[^]*no_such_setting/);
  });

  it('gives the folder free again after a failed start', async () => {
    await writeFile(join(dataDir, 'postgres', 'data', 'postgresql.conf'), '');
    await start();
    await stop();
  });
});

async function query(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, values)).rows;
  } finally {
    await client.end();
  }
}
