import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { AuditLog } from '../../src/auth/audit-log.service.js';
import type { CloudStorages, OpenedConfig } from '../../src/credentials/cloud-storages.service.js';
import { DirectRows } from '../../src/files/direct-uploads/direct-rows.js';
import { DirectUploads, type DirectUploadsOptions } from '../../src/files/direct-uploads/direct-uploads.js';
import type { BucketEpochs } from '../../src/files/epoch/bucket-epochs.js';
import { FileDeletion } from '../../src/files/file-deletion.service.js';
import { reconcileRequired } from '../../src/files/file-errors.js';
import { FilePurge } from '../../src/files/file-purge.service.js';
import { FileTrash } from '../../src/files/file-trash.service.js';
import type { TusUploads } from '../../src/files/tus/tus-uploads.js';
import { UploadExpiry } from '../../src/files/upload-expiry/upload-expiry.service.js';
import { VersionTrimming } from '../../src/files/versions/version-trimming.service.js';
import type { JobQueue } from '../../src/jobs/job-queue.service.js';
import { isStorageError, StorageError } from '../../src/storage-providers/storage-errors.js';
import type { ObjectStorage } from '../../src/storage-providers/storage-provider.js';
import { UploadServer, USER_ID } from '../integration/files/upload-server.js';

/** What is wrong with one bucket. */
type Trouble = 'locked' | 'unreachable' | 'fails in between';

const [GOOD, BAD, ALSO_GOOD] = [1, 2, 3] as const;
const NEVER = new AbortController().signal;

describe('deletions that nobody waits for', () => {
  let server: UploadServer;
  let trouble: Map<number, Trouble>;
  /** How often each bucket was asked whether the rows count, and how often to delete something. */
  let asked: number[];
  let deleted: number[];

  beforeAll(async () => {
    Logger.overrideLogger(false);
    server = await UploadServer.start();
    for (const id of [BAD, ALSO_GOOD]) {
      await query(`INSERT INTO cloud_configs (id, user_id, provider, encrypted_config, bucket_name, is_active)
        VALUES (${id}, ${USER_ID}, 's3_compatible', '', 'stowage-test-${id}', false)`);
    }
  });

  afterAll(() => server.stop());

  beforeEach(async () => {
    [trouble, asked, deleted] = [new Map(), [], []];
    await query('TRUNCATE cloud_files, file_versions, uploads, sync_settings, audit_log CASCADE');
  });

  const query = <Row extends object>(text: string, values: unknown[] = []) =>
    server.dataSource.query<Row[]>(text, values);
  const unreachable = () =>
    new StorageError('endpoint_unreachable', 'It is down.', { operation: 'get', hint: '', retryable: true });

  /** As many of them as there are replicas. */
  function replica() {
    const { statements, dataSource } = server;
    const byConfigId = (_: number, configId: number): Promise<Partial<OpenedConfig>> =>
      Promise.resolve({ configId, storage: storageOf(configId) });
    const storages = { byConfigId } as unknown as CloudStorages;
    const assertCurrent = ({ configId }: OpenedConfig): Promise<string> => {
      asked.push(configId);
      if (trouble.get(configId) === 'locked') return Promise.reject(reconcileRequired('other_database'));
      if (trouble.get(configId) === 'unreachable') return Promise.reject(unreachable());
      return Promise.resolve('place');
    };
    const epochs = { assertCurrent } as unknown as BucketEpochs;
    const audit = new AuditLog(dataSource);
    const purge = new FilePurge(statements, dataSource, storages, epochs, audit);
    const noQueue = undefined as unknown as JobQueue;
    const options = { rows: new DirectRows(statements), storages } as Partial<DirectUploadsOptions>;
    const direct = new DirectUploads(options as DirectUploadsOptions);
    const noTus = undefined as unknown as TusUploads;
    return {
      purge,
      trash: new FileTrash(dataSource, audit, purge, { now: () => Date.now() }),
      deletion: new FileDeletion(statements, dataSource, storages, audit),
      trimming: new VersionTrimming(noQueue, statements, storages, epochs),
      expiry: new UploadExpiry(noQueue, statements, storages, epochs, direct, noTus),
    };
  }

  function storageOf(configId: number): ObjectStorage {
    const storage = Object.create(server.storage) as ObjectStorage;
    storage.delete = async (key, options) => {
      deleted.push(configId);
      if (trouble.has(configId)) throw unreachable();
      await server.storage.delete(key, options);
    };
    return storage;
  }

  /** Rows without objects: deleting what is not there succeeds. */
  async function files(
    configId: number,
    count: number,
    columns: Record<string, string> = {},
  ): Promise<number[]> {
    const all = { state: `'trashed'`, trashed_at: `now() - interval '60 days'`, ...columns };
    const rows = await query<{ id: number }>(
      `INSERT INTO cloud_files (user_id, cloud_config_id, provider, object_key, filename, file_size, cloud_url,
          ${Object.keys(all).join(', ')})
        SELECT ${USER_ID}, $1, 's3_compatible', 'f/' || gen_random_uuid() || '/' || gen_random_uuid(), 'f', 1, '',
          ${Object.values(all).join(', ')} FROM generate_series(1, $2) RETURNING id`,
      [configId, count],
    );
    return rows.map(({ id }) => id);
  }

  const versions = (fileId: number, configId: number, first: number, count: number, state = 'kept') =>
    query(
      `INSERT INTO file_versions (file_id, user_id, version, cloud_config_id, object_key, file_size, cloud_url,
          provider, checksum_source, content_type, uploaded_at, state)
        SELECT $1, ${USER_ID}, n, $2, 'f/' || gen_random_uuid() || '/' || gen_random_uuid(), 1, '', 's3_compatible',
          'server', 'a/b', now(), $5 FROM generate_series($3::integer, $3 + $4 - 1) n`,
      [fileId, configId, first, count, state],
    );
  const left = async (table = 'cloud_files') =>
    (
      await query<{ id: number; n: number }>(
        `SELECT cloud_config_id AS id, count(*)::integer AS n FROM ${table} GROUP BY 1 ORDER BY 1`,
      )
    ).map(({ id, n }) => [id, n]);
  const purged = async () =>
    (
      await query<{ ids: number[] }>(
        `SELECT details->'file_ids' AS ids FROM audit_log WHERE action = 'file.purged'`,
      )
    ).flatMap(({ ids }) => ids);

  describe('of the trash', () => {
    it.each<Trouble>(['locked', 'unreachable'])(
      'keep nobody waiting for a bucket that is %s',
      async (kind) => {
        trouble.set(BAD, kind);
        await files(BAD, 700, { trashed_at: `now() - interval '90 days'` });
        await files(GOOD, 620);
        await files(ALSO_GOOD, 10);
        expect(await replica().trash.purgeDue(20_000)).toBe(630);
        expect(await left()).toEqual([[BAD, 700]]);
        // Whoever does not answer takes a minute: it is asked once in a run.
        expect(asked.filter((id) => id === BAD)).toHaveLength(1);
        expect(deleted).not.toContain(BAD);
        trouble.clear();
        expect(await replica().trash.purgeDue(20_000)).toBe(700);
        expect(await left()).toEqual([]);
      },
    );

    it('leave what is protected, young, or a version of which cannot be asked for', async () => {
      trouble.set(BAD, 'locked');
      const kept = [
        ...(await files(GOOD, 600, { protected: 'true', trashed_at: `now() - interval '90 days'` })),
        ...(await files(GOOD, 1, { trashed_at: `now() - interval '29 days'` })),
        ...(await files(GOOD, 1, { state: `'stored'`, trashed_at: 'NULL' })),
      ];
      const [mixed] = await files(GOOD, 1);
      await versions(mixed!, BAD, 1, 1);
      const gone = await files(GOOD, 3);
      expect(await replica().trash.purgeDue(20_000)).toBe(3);
      const rows = await query<{ id: number }>('SELECT id FROM cloud_files ORDER BY id');
      expect(rows.map(({ id }) => id)).toEqual([...kept, mixed].toSorted((one, two) => one! - two!));
      expect((await purged()).toSorted()).toEqual(gone.toSorted());
    });

    it('end at their limit, and go on with the next run', async () => {
      await files(GOOD, 12);
      expect(await replica().trash.purgeDue(5)).toBe(5);
      expect(await replica().trash.purgeDue(100)).toBe(7);
      expect(await replica().trash.purgeDue(100)).toBe(0);
    });

    it('are done once by two replicas at the same time', async () => {
      trouble.set(BAD, 'locked');
      const gone = [...(await files(GOOD, 560)), ...(await files(ALSO_GOOD, 40))];
      await files(BAD, 5);
      const counts = await Promise.all([1, 2, 3].map(() => replica().trash.purgeDue(20_000)));
      expect(counts.reduce((sum, count) => sum + count)).toBe(600);
      expect(await left()).toEqual([[BAD, 5]]);
      expect((await purged()).toSorted()).toEqual(gone.toSorted());
    });

    it('leave the rest to whoever resumes deletions when a bucket fails in between', async () => {
      trouble.set(BAD, 'fails in between');
      const ids = [...(await files(BAD, 60)), ...(await files(GOOD, 20))];
      const outcome = await replica().purge.purge(ids, {});
      expect([outcome.purged, outcome.left, isStorageError(outcome.failure)]).toEqual([80, 0, true]);
      // Those that were under way at the same moment, and none after them.
      expect(deleted.filter((id) => id === BAD).length).toBeLessThanOrEqual(8);
      expect(await left()).toEqual([[BAD, 60]]);
      const { deletion } = replica();
      await files(ALSO_GOOD, 150, { state: `'deleting'` });
      deleted = [];
      await deletion.resume();
      await deletion.resume();
      expect(await left()).toEqual([[BAD, 60]]);
      expect(deleted.filter((id) => id === BAD).length).toBeLessThanOrEqual(2);
      trouble.clear();
      await deletion.resume();
      expect(await left()).toEqual([]);
    });

    it('take a trash of many files whose owner wants it empty, and say why some stay', async () => {
      trouble.set(BAD, 'locked');
      const ids = [...(await files(BAD, 2)), ...(await files(GOOD, 2))];
      const protectedIds = await files(GOOD, 1, { protected: 'true' });
      const outcome = await replica().purge.purge([...ids, ...protectedIds], { userId: USER_ID });
      expect(outcome).toMatchObject({ purged: 2, left: 2, failure: { code: 'reconcile_required' } });
      expect(await left()).toEqual([
        [GOOD, 1],
        [BAD, 2],
      ]);
    });
  });

  describe('of versions', () => {
    const kept = async (fileId: number) =>
      (
        await query<{ version: number }>(
          `SELECT version FROM file_versions WHERE file_id = $1 AND state = 'kept' ORDER BY version`,
          [fileId],
        )
      ).map(({ version }) => version);
    const file = async (columns: Record<string, string> = {}) =>
      (await files(GOOD, 1, { state: `'stored'`, trashed_at: 'NULL', ...columns }))[0]!;

    beforeEach(() => query(`INSERT INTO sync_settings (user_id, keep_versions) VALUES (${USER_ID}, 2)`));

    it('take the oldest beyond keep_versions, and none of a protected file', async () => {
      const [many, few, fixed] = [await file(), await file(), await file({ protected: 'true' })];
      await versions(many, GOOD, 1, 5);
      await versions(few, GOOD, 1, 2);
      await versions(fixed, GOOD, 1, 5);
      expect(await replica().trimming.trimVersions(100)).toBe(3);
      expect([await kept(many), await kept(few), await kept(fixed)]).toEqual([
        [4, 5],
        [1, 2],
        [1, 2, 3, 4, 5],
      ]);
      expect(await replica().trimming.trimVersions(100)).toBe(0);
      await query('UPDATE cloud_files SET protected = false');
      expect(await replica().trimming.trimVersions(100)).toBe(3);
      expect(await kept(fixed)).toEqual([4, 5]);
    });

    it.each<Trouble>(['locked', 'unreachable'])(
      'stay kept in a bucket that is %s, and delay no others',
      async (kind) => {
        trouble.set(BAD, kind);
        const [bad, good] = [await file(), await file()];
        await versions(bad, BAD, 1, 250);
        await versions(bad, BAD, 251, 250, 'deleting');
        await versions(good, GOOD, 1, 20);
        expect(await replica().trimming.trimVersions(100)).toBe(18);
        expect(await kept(good)).toEqual([19, 20]);
        expect(await kept(bad)).toHaveLength(250);
        expect(asked.filter((id) => id === BAD)).toHaveLength(1);
        expect(deleted).not.toContain(BAD);
        trouble.clear();
        for (const count of [200, 200, 98]) expect(await replica().trimming.trimVersions(200)).toBe(count);
        expect(await kept(bad)).toEqual([249, 250]);
      },
    );

    it('are done by two replicas at the same time as by one', async () => {
      const ids = [await file(), await file(), await file()];
      for (const id of ids) await versions(id, GOOD, 1, 40);
      await Promise.all([1, 2].map(() => replica().trimming.trimVersions(1_000)));
      for (const id of ids) expect(await kept(id)).toEqual([39, 40]);
      expect(await left('file_versions')).toEqual([[GOOD, 6]]);
    });

    it('wait for whoever is protecting their file at the same moment', async () => {
      const id = await file();
      await versions(id, GOOD, 1, 5);
      const runner = server.dataSource.createQueryRunner();
      await runner.startTransaction();
      await runner.query('UPDATE cloud_files SET protected = true WHERE id = $1', [id]);
      const trimming = replica().trimming.trimVersions(100);
      const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      while ((await query(waiting)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      await runner.commitTransaction();
      await runner.release();
      expect(await trimming).toBe(0);
      expect(await kept(id)).toEqual([1, 2, 3, 4, 5]);
    });
  });

  describe('of expired uploads', () => {
    async function uploads(configId: number, count: number, expired: string): Promise<string[]> {
      const rows = await query<{ object_key: string }>(
        `INSERT INTO uploads (user_id, cloud_config_id, kind, object_key, filename, content_type, expires_at)
          SELECT ${USER_ID}, $1, 'direct', 'f/' || gen_random_uuid() || '/' || gen_random_uuid(), 'u', 'a/b',
            now() - $3::interval FROM generate_series(1, $2) RETURNING object_key`,
        [configId, count, expired],
      );
      return rows.map((row) => row.object_key);
    }
    const open = async () =>
      (
        await query<{ id: number; n: number }>(
          `SELECT cloud_config_id AS id, count(*)::integer AS n FROM uploads WHERE ended_at IS NULL GROUP BY 1 ORDER BY 1`,
        )
      ).map(({ id, n }) => [id, n]);

    it.each<Trouble>(['locked', 'unreachable'])(
      'wait for a bucket that is %s, and no others do',
      async (kind) => {
        trouble.set(BAD, kind);
        const [key] = await uploads(BAD, 600, '2 hours');
        await server.storage.put(key!, Buffer.from('x'), { sizeBytes: 1 });
        await uploads(GOOD, 20, '1 hour');
        await uploads(GOOD, 3, '-1 hour');
        await replica().expiry.run(NEVER);
        expect(await open()).toEqual([
          [GOOD, 3],
          [BAD, 600],
        ]);
        expect(asked.filter((id) => id === BAD)).toHaveLength(1);
        // It may be a file by now, in a database that this one was restored from before.
        await server.storage.head(key!);
        trouble.clear();
        await replica().expiry.run(NEVER);
        await replica().expiry.run(NEVER);
        expect(await open()).toEqual([[GOOD, 3]]);
        await expect(server.storage.head(key!)).rejects.toMatchObject({ code: 'object_not_found' });
      },
    );

    it('are given up, and their objects left alone, when the bucket is locked for a week', async () => {
      trouble.set(BAD, 'locked');
      const [key] = await uploads(BAD, 1, '8 days');
      await server.storage.put(key!, Buffer.from('x'), { sizeBytes: 1 });
      await replica().expiry.run(NEVER);
      expect(await open()).toEqual([]);
      await server.storage.head(key!);
    });

    it('are ended once by two replicas, and the failure of one delays no others', async () => {
      await uploads(GOOD, 30, '1 hour');
      const stuck = randomUUID();
      await query(
        `INSERT INTO uploads (id, user_id, cloud_config_id, kind, object_key, filename, content_type, expires_at, locked_by,
            locked_until) VALUES ($1, ${USER_ID}, ${GOOD}, 'direct', 'f/x', 'u', 'a/b', now() - interval '1 day', $1,
            now() + interval '1 day')`,
        [stuck],
      );
      await Promise.all([replica().expiry.run(NEVER), replica().expiry.run(NEVER)]);
      expect(await open()).toEqual([[GOOD, 1]]);
      expect(deleted).toHaveLength(30);
    });
  });
});
