import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connect, createServer, type Server } from 'node:net';
import pg from 'pg';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { DatabaseStartError } from '../../../src/database/database-start-error.js';
import { migrate } from '../../../src/database/migrate.js';
import { migrations } from '../../../src/database/migrations/index.js';
import { freePort } from '../../../src/database/embedded/free-port.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

describe('migrations at start', () => {
  let database: TestDatabase;
  const heard: string[] = [];
  const log = (line: string) => void heard.push(line);

  beforeEach(async () => {
    heard.length = 0;
    database = await createTestDatabase({ migrated: false });
  });

  afterEach(() => database.drop());

  it('run once when many replicas start at the same time', async () => {
    const { url } = database;
    await Promise.all([1, 2, 3, 4].map(() => migrate({ url, migrations: [CountedMigration], log })));
    expect(await query(url, 'SELECT count(*)::integer AS count FROM counted')).toEqual([{ count: 1 }]);
    expect(heard).toEqual(['Migrated: CountedMigration1763800000001']);
  });

  it('make all tables, also when they run again', async () => {
    const { url } = database;
    await migrate({ url, migrations, log });
    await migrate({ url, migrations, log });
    const tables = await query(
      url,
      `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`,
    );
    const names = tables.map(({ table_name }) => table_name);
    expect(names).toEqual(expect.arrayContaining(['cloud_configs', 'cloud_files', 'sync_settings', 'users']));
  });

  it('leave nothing of a migration that failed, and say what was wrong', async () => {
    const { url } = database;
    const failing = migrate({ url, migrations: [FailingMigration], log });
    await expect(failing).rejects.toBeInstanceOf(DatabaseStartError);
    await expect(failing).rejects.toThrow(/could not be brought up to date:.*no_such_table/);
    expect(await query(url, `SELECT to_regclass('half_done') AS half_done`)).toEqual([{ half_done: null }]);
  });

  it('wait for a database that is just starting', async () => {
    const port = await freePort();
    const url = new URL(database.url);
    const target = Number(url.port);
    url.port = String(port);
    let server: Server | undefined;
    const opening = (line: string) => {
      heard.push(line);
      server ??= forwarder(port, target);
    };
    await migrate({ url: url.href, migrations: [CountedMigration], log: opening }).finally(() =>
      server?.close(),
    );
    expect(heard[0]).toMatch(
      /^Waiting for the PostgreSQL database "test_\w+" on 127\.0\.0\.1:\d+:.*ECONNREFUSED/,
    );
  });

  it('give up on a database that does not come, without telling the password', async () => {
    const url = `postgres://stowage:topsecret@127.0.0.1:${await freePort()}/stowage`;
    const failing = migrate({ url, migrations, log, reachableWithinMs: 300 });
    await expect(failing).rejects.toThrow(
      /"stowage" on 127\.0\.0\.1:\d+ cannot be used:.*Check DATABASE_URL/,
    );
    await expect(failing).rejects.not.toThrow('topsecret');
  });

  it('do not wait when the password is wrong', async () => {
    const url = new URL(database.url);
    url.password = 'topsecret';
    await expect(migrate({ url: url.href, migrations, log })).rejects.toThrow(
      'password authentication failed',
    );
    expect(heard).toEqual([]);
  });

  it('refuse a PostgreSQL older than 15', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await query(database.url, `ALTER DATABASE ${name} SET search_path = public, pg_catalog`);
    await query(
      database.url,
      `CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE sql AS
       $$ SELECT CASE $1 WHEN 'server_version_num' THEN '140012' ELSE '14.12' END $$`,
    );
    await expect(migrate({ url: database.url, migrations, log })).rejects.toThrow(
      'This is PostgreSQL 14.12; Stowage needs 15 or newer.',
    );
  });
});

/** Slow on purpose: without the lock the others would begin meanwhile. */
class CountedMigration1763800000001 implements MigrationInterface {
  name = 'CountedMigration1763800000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE IF NOT EXISTS counted (at TIMESTAMPTZ)');
    await runner.query('SELECT pg_sleep(0.3)');
    await runner.query('INSERT INTO counted VALUES (now())');
  }

  async down(): Promise<void> {}
}
const CountedMigration = CountedMigration1763800000001;

class FailingMigration1763800000002 implements MigrationInterface {
  name = 'FailingMigration1763800000002';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE half_done (id INTEGER)');
    await runner.query('INSERT INTO no_such_table VALUES (1)');
  }

  async down(): Promise<void> {}
}
const FailingMigration = FailingMigration1763800000002;

function forwarder(port: number, target: number): Server {
  const server = createServer((socket) => {
    const onward = connect(target, '127.0.0.1');
    socket.pipe(onward).pipe(socket);
    socket.on('error', () => onward.destroy());
    onward.on('error', () => socket.destroy());
  });
  return server.listen(port, '127.0.0.1');
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}
