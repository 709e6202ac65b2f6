import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Statements } from '../../../src/database/statements.js';
import { SyncSettingsStore } from '../../../src/sync-settings/sync-settings-store.js';
import { DEFAULT_SYNC_SETTINGS } from '../../../src/sync-settings/sync-settings.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

describe('SyncSettingsStore', () => {
  let database: TestDatabase;
  let statements: Statements;
  let store: SyncSettingsStore;
  let nowMs = 1_000;

  beforeAll(async () => {
    database = await createTestDatabase();
    statements = new Statements({ url: database.url, poolSize: 4, onConnectionLoss: () => undefined });
    store = new SyncSettingsStore(statements, () => nowMs);
  });

  afterAll(async () => {
    await statements.close();
    await database.drop();
  });

  it('has the seed’s defaults for a user who changed nothing', async () => {
    const defaults = {
      autoUpload: false,
      syncOnCreate: false,
      retentionDays: 365,
      maxFileSize: 104_857_600,
      trashDays: 30,
      keepVersions: 10,
      version: 0,
    };
    expect(DEFAULT_SYNC_SETTINGS).toEqual(defaults);
    expect(await store.read(1)).toEqual(defaults);
    expect(await store.maxFileSize(1)).toBe(104_857_600);
  });

  it('takes what is given and keeps the rest', async () => {
    expect(await store.change(2, { autoUpload: true }, undefined)).toEqual({
      ...DEFAULT_SYNC_SETTINGS,
      autoUpload: true,
      version: 1,
    });
    const largest = 5 * 1024 ** 4;
    await store.change(2, { maxFileSize: largest, retentionDays: 7, keepVersions: 0 }, undefined);
    await store.change(2, { trashDays: 0 }, undefined);
    expect(await store.read(2)).toEqual({
      autoUpload: true,
      syncOnCreate: false,
      retentionDays: 7,
      maxFileSize: largest,
      trashDays: 0,
      keepVersions: 0,
      version: 3,
    });
    expect(await store.change(2, { autoUpload: false }, undefined)).toMatchObject({
      autoUpload: false,
      retentionDays: 7,
    });
  });

  it('changes only the state that was expected', async () => {
    expect(await store.change(3, { retentionDays: 1 }, 1)).toBeUndefined();
    expect(await store.change(3, { retentionDays: 1 }, 0)).toMatchObject({ retentionDays: 1, version: 1 });
    expect(await store.change(3, { retentionDays: 2 }, 0)).toBeUndefined();
    expect(await store.change(3, { retentionDays: 2 }, 1)).toMatchObject({ retentionDays: 2, version: 2 });
    const racers = await Promise.all(
      Array.from({ length: 8 }, (_, at) => store.change(3, { retentionDays: 10 + at }, 2)),
    );
    expect(racers.filter((winner) => winner !== undefined)).toHaveLength(1);
  });

  it('knows the limit of uploads for a second', async () => {
    await store.change(4, { maxFileSize: 10 }, undefined);
    expect(await store.maxFileSize(4)).toBe(10);
    expect(store.maxFileSize(4)).toBe(10);
    await statements.query(
      { name: 'test_elsewhere', text: 'UPDATE sync_settings SET max_file_size = 20 WHERE user_id = 4' },
      [],
    );
    nowMs += 900;
    expect(store.maxFileSize(4)).toBe(10);
    nowMs += 200;
    expect(await store.maxFileSize(4)).toBe(20);
    await store.change(4, { maxFileSize: 30 }, undefined);
    expect(await store.maxFileSize(4)).toBe(30);
  });

  it('reads rows that others wrote with the columns of the seed alone', async () => {
    await statements.query(
      { name: 'test_seed', text: 'INSERT INTO sync_settings (user_id, retention_days) VALUES (5, NULL)' },
      [],
    );
    expect(await store.read(5)).toMatchObject({
      retentionDays: 365,
      maxFileSize: 104_857_600,
      autoUpload: false,
    });
  });
});
