import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../ormconfig.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

describe('entities and migrations', () => {
  let database: TestDatabase;
  let dataSource: DataSource;

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await new DataSource(dataSourceOptions(database.url, 2)).initialize();
  });

  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  it('describe the same tables', async () => {
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('have no migration that was written but not listed', async () => {
    expect(await dataSource.showMigrations()).toBe(false);
  });

  it('can all be undone', async () => {
    const empty = await createTestDatabase({ migrated: false });
    const options = { ...dataSourceOptions(empty.url, 2) };
    const own = await new DataSource(options).initialize();
    try {
      const ran = await own.runMigrations();
      for (let count = 0; count < ran.length; count++) await own.undoLastMigration();
      const left: { table: string }[] = await own.query(
        `SELECT table_name AS table FROM information_schema.tables WHERE table_schema = 'public'`,
      );
      // pixe_files may be the host application's.
      expect(left.map(({ table }) => table).toSorted()).toEqual(['migrations', 'pixe_files']);
    } finally {
      await own.destroy();
      await empty.drop();
    }
  });
});
