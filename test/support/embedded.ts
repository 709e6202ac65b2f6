import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import { migrate } from '../../src/database/migrate.js';
import { migrations } from '../../src/database/migrations/index.js';

/** Migrated once; each test's database is a copy of it. */
export const TEMPLATE_DATABASE = 'stowage_template';

/** Nothing here outlives the run, so nothing waits for a disk; and many servers connect at once. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '400',
};

const MEMORY_DISK = '/dev/shm';
const NEEDED_BYTES = 4 * 1024 ** 3;

/**
 * The one PostgreSQL of a jest run. Loaded by Node itself and not by jest: this file and what it imports keep to
 * TypeScript that Node can strip.
 */
export async function startSharedPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const dataDir = await mkdtemp(join(await folderForDatabases(), 'stowage-test-postgres-'));
  const lines: string[] = [];
  const postgres = await startEmbeddedPostgres({
    dataDir,
    settings: SETTINGS,
    log: (line) => lines.push(line),
  });
  try {
    await makeTemplate(postgres.url);
  } catch (error) {
    await postgres.stop();
    throw new Error(`The template database could not be made.\n${lines.join('\n')}`, { cause: error });
  }
  return {
    url: postgres.url,
    async stop() {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A database is hundreds of files: made in memory it costs a fifth of what it costs on a disk. */
async function folderForDatabases(): Promise<string> {
  const { bavail, bsize } = await statfs(MEMORY_DISK).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize >= NEEDED_BYTES ? MEMORY_DISK : tmpdir();
}

async function makeTemplate(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${TEMPLATE_DATABASE}`);
    await migrate({ url: databaseUrl(url, TEMPLATE_DATABASE), migrations, log: () => undefined });
    await client.query(`ALTER DATABASE ${TEMPLATE_DATABASE} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`);
  } finally {
    await client.end();
  }
}

export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}
