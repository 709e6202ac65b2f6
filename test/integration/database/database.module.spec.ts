import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource, type DataSourceOptions, type MigrationInterface } from 'typeorm';
import { dataSourceOptions } from '../../../ormconfig.js';
import { User } from '../../../src/auth/user.entity.js';
import { ConfigModule } from '../../../src/config/config.module.js';
import { readEnvironment } from '../../../src/config/read-environment.js';
import { DatabaseModule } from '../../../src/database/database.module.js';
import { DirectoryLock } from '../../../src/database/embedded/directory-lock.js';
import { Statements } from '../../../src/database/statements.js';
import { createTestDatabase } from '../../support/database.js';

const ONE = { name: 'test-one', text: 'SELECT 1 AS one' };

describe('DatabaseModule', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'stowage-module-'));
  });

  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  function compile(variables: Record<string, string>, options = dataSourceOptions) {
    const environment = readEnvironment({ DATA_DIR: dataDir, ...variables });
    const imports = [ConfigModule.forRoot(environment), DatabaseModule.forRoot(options)];
    return Test.createTestingModule({ imports }).compile();
  }

  it('works on the database of DATABASE_URL and leaves DATA_DIR alone', async () => {
    const database = await createTestDatabase({ migrated: false });
    const app = await compile({ DATABASE_URL: database.url, DATABASE_POOL_SIZE: '2' });
    const user = await app.get(DataSource).getRepository(User).save({ name: 'Ada' });
    expect(user.id).toBe(1);
    expect(await app.get(Statements).query(ONE, [])).toEqual([{ one: 1 }]);
    const extensions = await app.get(DataSource).query('SELECT extname FROM pg_extension ORDER BY 1');
    expect(extensions).toEqual([{ extname: 'pg_trgm' }, { extname: 'plpgsql' }]);
    await app.close();
    expect(await readdir(dataDir)).toEqual([]);
    // Without FORCE this fails while a connection is open.
    await database.drop();
  });

  it('brings its own PostgreSQL without DATABASE_URL, keeps its rows, ends it with the application', async () => {
    const first = await compile({});
    await first.get(DataSource).getRepository(User).save({ name: 'Ada' });
    await first.close();
    const second = await compile({});
    expect(await second.get(DataSource).getRepository(User).countBy({ name: 'Ada' })).toBe(1);
    await second.close();
    expect(await lockIsFree(dataDir)).toBe(true);
  });

  it('gives up on a statement that waits too long, and on waiting for a connection', async () => {
    const database = await createTestDatabase();
    const app = await compile({ DATABASE_URL: database.url, DATABASE_POOL_SIZE: '2' });
    const settings = await app.get(DataSource).query('SHOW statement_timeout');
    expect(settings).toEqual([{ statement_timeout: '30s' }]);
    const { master } = app.get(DataSource).driver as unknown as { master: { options: object } };
    expect(master.options).toMatchObject({ max: 1, connectionTimeoutMillis: 10_000 });
    await app.close();
    await database.drop();
  });

  it('ends its own PostgreSQL when the start fails', async () => {
    const broken = (url: string, poolSize: number): DataSourceOptions =>
      Object.assign(dataSourceOptions(url, poolSize), { migrations: [BrokenMigration1763800000003] });
    await expect(compile({}, broken)).rejects.toThrow('broken on purpose');
    expect(await lockIsFree(dataDir)).toBe(true);
  });
});

class BrokenMigration1763800000003 implements MigrationInterface {
  async up(): Promise<void> {
    throw new Error('broken on purpose');
  }

  async down(): Promise<void> {}
}

async function lockIsFree(dataDir: string): Promise<boolean> {
  const lock = await DirectoryLock.acquire(dataDir, { waitSeconds: 0 });
  await lock?.release();
  return lock !== undefined;
}
