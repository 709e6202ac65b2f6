import { randomUUID } from 'node:crypto';
import { stat, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../../ormconfig.js';
import { Statements } from '../../../src/database/statements.js';
import { useUtcTimestamps } from '../../../src/database/timestamps.js';
import { FileRecords } from '../../../src/files/file-records.js';
import { ReplaceContent } from '../../../src/files/replace-content.js';
import type { FileOwner, WrittenFile } from '../../../src/files/written-file.js';
import { type Claim, Claims } from '../../../src/local-files/claims.js';
import { ClaimLost, SyncOutcomes } from '../../../src/local-files/sync-outcomes.js';
import type { Webhooks } from '../../../src/webhooks/webhooks.service.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

const OWNER: FileOwner = { userId: 1, configId: 1, provider: 's3_compatible' };

describe('a claim on a local file', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let statements: Statements;
  let claims: Claims;
  let outcomes: SyncOutcomes;
  let folder: string;
  const told: unknown[] = [];

  beforeAll(async () => {
    useUtcTimestamps();
    folder = await mkdtemp(join(tmpdir(), 'stowage-claims-'));
    await writeFile(join(folder, 'file'), 'content');
    database = await createTestDatabase();
    statements = new Statements({ url: database.url, poolSize: 4, onConnectionLoss: () => undefined });
    dataSource = await new DataSource(dataSourceOptions(database.url, 4)).initialize();
    await dataSource.query(`INSERT INTO users (id, name) VALUES (1, 'somebody')`);
    await dataSource.query(
      `INSERT INTO cloud_configs (id, user_id, provider, encrypted_config, bucket_name)
        VALUES (1, 1, 's3_compatible', '', 'bucket')`,
    );
    await dataSource.query('INSERT INTO sync_settings (user_id, sync_on_create) VALUES (1, true)');
    const records = new FileRecords(statements, new ReplaceContent(dataSource), () => Date.now());
    const webhooks = { emit: (_: unknown, event: unknown) => Promise.resolve(void told.push(event)) };
    claims = new Claims(statements, 'main');
    outcomes = new SyncOutcomes(dataSource, records, webhooks as unknown as Webhooks, () => 0);
  });

  afterAll(async () => {
    await statements?.close();
    await dataSource?.destroy();
    await database?.drop();
    await rm(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    await dataSource.query('DELETE FROM file_versions');
    await dataSource.query('DELETE FROM cloud_files');
    await dataSource.query('DELETE FROM pixe_files');
    // As an application does it; the trigger makes the rest.
    await dataSource.query(
      `INSERT INTO pixe_files (user_id, filename, file_path, file_size) VALUES (1, 'file', $1, 7)`,
      [join(folder, 'file')],
    );
    await dataSource.query(`UPDATE local_file_syncs SET server_name = 'main'`);
  });

  const stats = () => stat(join(folder, 'file'), { bigint: true });
  const expire = () =>
    dataSource.query(`UPDATE local_file_syncs SET next_attempt_at = now() - interval '1 second'`);
  const stored = () =>
    dataSource.query<{ id: number; version: number }[]>('SELECT id, version FROM cloud_files');
  const row = async () =>
    (await dataSource.query<Record<string, unknown>[]>('SELECT * FROM local_file_syncs'))[0]!;

  async function take(): Promise<Claim> {
    const claim = await claims.take([]);
    if (claim === undefined) throw new Error('Nothing is due.');
    return claim;
  }

  function written(): WrittenFile {
    return {
      filename: 'file',
      folder: '',
      tags: [],
      objectKey: `f/${randomUUID()}/${randomUUID()}`,
      contentType: 'text/plain',
      cloudUrl: 'https://bucket.example.org/x',
      etag: '"1"',
      sizeBytes: 7,
      checksum: 'a'.repeat(64),
      checksumSource: 'server',
      crc32: 1,
      pending: false,
    };
  }

  it('is one process’s alone, and not a user’s who is passed over', async () => {
    expect(await claims.take([1])).toBeUndefined();
    const all = await Promise.all(Array.from({ length: 6 }, () => claims.take([])));
    expect(all.filter((claim) => claim !== undefined)).toHaveLength(1);
    expect(await new Claims(statements, 'other').take([])).toBeUndefined();
  });

  it('that ran out belongs to the next, and whoever comes back late stores nothing', async () => {
    const late = await take();
    await expire();
    const next = await take();
    expect([next.localFileId, next.attempts]).toEqual([late.localFileId, 2]);
    expect(await claims.renew([{ leaseId: late.leaseId, bytesDone: 1 }])).toEqual(new Set());
    await expect(outcomes.uploaded(late, OWNER, written(), await stats())).rejects.toBeInstanceOf(ClaimLost);
    await claims.release(late);
    await outcomes.failed(late, { code: 'provider_error', sentence: 'Late.' }, { ofBucket: true });
    expect(await stored()).toEqual([]);
    await outcomes.uploaded(next, OWNER, written(), await stats());
    expect([await stored(), (await row()).state]).toMatchObject([[{ version: 1 }], 'synced']);
  });

  it('ends with its outcome once, also when the answer of the commit was lost', async () => {
    const claim = await take();
    const content = written();
    await outcomes.uploaded(claim, OWNER, content, await stats());
    await outcomes.uploaded(claim, OWNER, content, await stats());
    expect(await stored()).toMatchObject([{ version: 1 }]);
  });

  it('makes a version of its cloud file, and a new file when that is in the trash', async () => {
    await outcomes.uploaded(await take(), OWNER, written(), await stats());
    await expire();
    await outcomes.uploaded(await take(), OWNER, written(), await stats());
    expect(await stored()).toMatchObject([{ version: 2 }]);
    await dataSource.query(`UPDATE cloud_files SET state = 'trashed'`);
    await expire();
    const claim = await take();
    expect(await outcomes.unchanged(claim, await stats())).toBe(false);
    await outcomes.uploaded(claim, OWNER, written(), await stats());
    expect(await stored()).toHaveLength(2);
  });

  it('is lost when the application deletes its row', async () => {
    const claim = await take();
    await dataSource.query('DELETE FROM pixe_files');
    await expect(outcomes.uploaded(claim, OWNER, written(), await stats())).rejects.toBeInstanceOf(ClaimLost);
    expect(await stored()).toEqual([]);
  });

  it('lets a change that came meanwhile wait for the next', async () => {
    const claim = await take();
    await dataSource.query('UPDATE pixe_files SET file_size = 8');
    expect(await row()).toMatchObject({ state: 'uploading', changed_again: true });
    await outcomes.uploaded(claim, OWNER, written(), await stats());
    expect(await row()).toMatchObject({ state: 'waiting', changed_again: false });
    expect(await claims.take([])).toBeDefined();
  });

  it('tells of its fifth failure, and not again', async () => {
    const failure = { code: 'local_file_changing', sentence: 'It changes all the time.' };
    for (let attempt = 1; attempt <= 7; attempt++) {
      await outcomes.failed(await take(), failure, { ofBucket: false });
      expect((await row()).state).toBe(attempt < 5 ? 'waiting' : 'failed');
      await expire();
    }
    expect(told).toMatchObject([{ type: 'file.sync_failed', data: { attempts: 5, code: failure.code } }]);
  });

  it('given back is as if it had not been taken', async () => {
    await claims.release(await take());
    expect(await row()).toMatchObject({ state: 'waiting', attempts: 0 });
    expect((await take()).attempts).toBe(1);
  });
});
