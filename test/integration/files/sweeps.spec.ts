import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Statements } from '../../../src/database/statements.js';
import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';
import { copyTestDatabase } from '../../support/database.js';
import { HOSTILE_LISTINGS } from '../../support/hostile-listings.js';
import { HOUR_MS, SweepWorld } from './sweep-world.js';
import { USER_ID } from './upload-server.js';

const OWNER = { userId: USER_ID, configId: 1, provider: 's3_compatible' } as const;

describe('a sweep', () => {
  let world: SweepWorld;
  let live: string[];

  beforeAll(async () => {
    world = await SweepWorld.start();
    live = await world.files(60);
  });

  afterAll(() => world.stop());

  afterEach(async () => {
    world.server.bucket.hostileListing = undefined;
    expect(await world.keys()).toEqual(expect.arrayContaining(live));
  });

  const missing = () =>
    world.query<{ object_key: string }>('SELECT object_key FROM cloud_files WHERE missing_since IS NOT NULL');

  it('deletes an old object without a row when it sees it for the second time, and nothing else', async () => {
    const orphan = await world.put();
    const strange = await world.put('f/by-hand/backup.zip');
    const elsewhere = await world.put('notes/backup.zip');
    world.aheadMs += 24 * HOUR_MS;
    expect(await world.sweep()).toMatchObject({ scannedObjects: 62, candidateObjects: 0 });
    world.aheadMs += 2 * HOUR_MS;
    const young = await world.put();
    expect(await world.sweep()).toMatchObject({ candidateObjects: 1, deletedObjects: 0, isUnfinished: true });
    // Too soon to count as another look.
    expect(await world.sweep()).toMatchObject({ candidateObjects: 1, deletedObjects: 0 });
    world.aheadMs += HOUR_MS;
    expect(await world.sweep()).toMatchObject({ deletedObjects: 1, deletedBytes: 1, stop: undefined });
    expect((await world.keys()).toSorted()).toEqual([...live, strange, young].toSorted());
    await world.server.storage.head(elsewhere);
    expect(await world.keys()).not.toContain(orphan);
    for (const key of [strange, young, elsewhere]) await world.server.storage.delete(key);
  });

  it('leaves alone what an upload under way, an earlier version or another configuration needs', async () => {
    const [tail, direct, version, other] = await Promise.all([1, 2, 3, 4].map(() => world.put()));
    await world.query(
      `INSERT INTO uploads (user_id, cloud_config_id, kind, object_key, tail_key, filename, content_type, expires_at)
        VALUES (${USER_ID}, 1, 'tus', $1, $2, 'u', 'a/b', now() + interval '9 days')`,
      direct,
      tail,
    );
    await world.query(
      `INSERT INTO file_versions (file_id, user_id, version, cloud_config_id, object_key, file_size, cloud_url,
          provider, checksum_source, content_type, uploaded_at)
        SELECT min(id), ${USER_ID}, 1, 1, $1, 1, '', 's3_compatible', 'server', 'a/b', now() FROM cloud_files`,
      version,
    );
    // The same bucket by another name: an alias that only its provider knows.
    await world.query(`INSERT INTO users (id, name) VALUES (2, 'somebody else')`);
    await world.query(
      `INSERT INTO cloud_configs (id, user_id, provider, encrypted_config, bucket_name)
        VALUES (2, 2, 's3_compatible', '', 'stowage-test-alias')`,
    );
    await world.query(
      `INSERT INTO cloud_files (user_id, cloud_config_id, provider, object_key, filename, file_size, cloud_url)
        VALUES (2, 2, 's3_compatible', $1, 'f', 1, '')`,
      other,
    );
    world.aheadMs += 30 * HOUR_MS;
    expect(await world.sweepTwice()).toMatchObject({ deletedObjects: 0 });
    expect(await world.keys()).toEqual(expect.arrayContaining([tail, direct, version, other]));
    await world.query(`UPDATE uploads SET ended_at = now(), state = 'aborted'`);
    expect(await world.sweepTwice()).toMatchObject({ deletedObjects: 2 });
    expect(await world.keys()).toEqual(expect.arrayContaining([version, other]));
    await world.query('DELETE FROM file_versions');
    await world.query('DELETE FROM cloud_files WHERE user_id = 2');
    await world.sweepTwice();
    expect((await world.keys()).toSorted()).toEqual(live.toSorted());
  });

  it.each(HOSTILE_LISTINGS)('deletes nothing by a listing that lies: %s', async (kind) => {
    const orphan = await world.put();
    world.aheadMs += 30 * HOUR_MS;
    await world.sweep();
    world.aheadMs += 2 * HOUR_MS;
    const before = world.deletions();
    world.server.bucket.hostileListing = kind;
    await expect(world.sweep()).rejects.toMatchObject({ name: 'StorageError', operation: 'list' });
    expect(world.deletions()).toBe(before);
    expect(await missing()).toEqual([]);
    world.server.bucket.hostileListing = undefined;
    expect(await world.sweep()).toMatchObject({ deletedObjects: 1 });
    expect(await world.keys()).not.toContain(orphan);
  });

  it('deletes nothing when a listing that looks complete lacks what is there', async () => {
    const orphan = await world.put();
    world.aheadMs += 30 * HOUR_MS;
    const forgetful = Object.create(world.server.storage) as ObjectStorage;
    const { storage } = world.server;
    forgetful.put = (...args) => storage.put(...args);
    forgetful.get = (...args) => storage.get(...args);
    forgetful.head = (...args) => storage.head(...args);
    forgetful.delete = (...args) => storage.delete(...args);
    forgetful.listPage = async (options) => {
      const page = await storage.listPage(options);
      return { ...page, objects: page.objects.filter(({ key }) => key !== live[7]) };
    };
    await world.sweep({ storage: forgetful });
    world.aheadMs += 2 * HOUR_MS;
    const before = world.deletions();
    expect(await world.sweep({ storage: forgetful })).toMatchObject({
      deletedObjects: 0,
      missingFiles: 0,
      stop: { code: 'listing_incomplete' },
    });
    expect(world.deletions()).toBe(before);
    expect(await missing()).toEqual([]);
    await storage.delete(orphan);
  });

  it('deletes nothing when there is too much, until that is confirmed, and then only that', async () => {
    const orphans = [];
    for (let count = 0; count < 5; count += 1) orphans.push(await world.put());
    world.aheadMs += 30 * HOUR_MS;
    expect(await world.sweepTwice()).toMatchObject({ deletedObjects: 0, stop: { code: 'too_many' } });
    await world.query(`UPDATE sweep_sightings SET confirmed = true WHERE kind = 'object'`);
    const later = [];
    for (let count = 0; count < 5; count += 1) later.push(await world.put());
    world.aheadMs += 30 * HOUR_MS;
    await world.sweep();
    expect(await world.keys()).not.toEqual(expect.arrayContaining([orphans[0]]));
    world.aheadMs += 2 * HOUR_MS;
    expect(await world.sweep()).toMatchObject({ deletedObjects: 0, stop: { code: 'too_many' } });
    expect(await world.keys()).toEqual(expect.arrayContaining(later));
    for (const key of later) await world.server.storage.delete(key);
  });

  it('tells of a file whose object is gone, never deletes it, and takes it back when the object is there', async () => {
    const [lost] = await world.files(1);
    world.aheadMs += 30 * HOUR_MS;
    await world.server.storage.delete(lost!);
    world.told.length = 0;
    expect(await world.sweep()).toMatchObject({ missingFiles: 0 });
    world.aheadMs += 2 * HOUR_MS;
    expect(await world.sweep()).toMatchObject({ missingFiles: 1 });
    expect(await missing()).toEqual([{ object_key: lost }]);
    expect(world.told).toMatchObject([{ userId: USER_ID, type: 'file.missing', data: { filename: 'file' } }]);
    expect(await world.sweepTwice()).toMatchObject({ missingFiles: 0 });
    expect(world.told).toHaveLength(1);
    await world.put(lost);
    expect(await world.sweep()).toMatchObject({ foundFiles: 1 });
    expect(await missing()).toEqual([]);
    live.push(lost!);
  });

  it('gives up uploads that never ended, so that they cannot become files any more', async () => {
    const { records, storage } = world.server;
    const multipart = storage.multipart!;
    const pending = { objectKey: world.key(), filename: 'p', contentType: 'a/b', cloudUrl: 's3://x' };
    const known = await multipart.create(pending.objectKey, {});
    await world.query(
      `INSERT INTO cloud_files (user_id, cloud_config_id, provider, object_key, filename, file_size, cloud_url,
          upload_id, state, uploaded_at)
        VALUES (${USER_ID}, 1, 's3_compatible', $1, 'p', 0, '', $2, 'pending', $3)`,
      pending.objectKey,
      known.uploadId,
      new Date(world.now()).toISOString(),
    );
    const unknown = await multipart.create(world.key(), {});
    const foreign = await multipart.create('f/by-hand/big.zip', {});
    world.aheadMs += 24 * HOUR_MS;
    expect(await world.sweep()).toMatchObject({ removedRows: 0, abortedUploads: 0 });
    world.aheadMs += 2 * HOUR_MS;
    expect(await world.sweep()).toMatchObject({ removedRows: 1, abortedUploads: 0 });
    world.aheadMs += 2 * HOUR_MS;
    expect(await world.sweep()).toMatchObject({ removedRows: 0, abortedUploads: 1 });
    const left = await multipart.listUnfinished!('f/');
    expect(left.map(({ uploadId }) => uploadId)).toEqual([foreign.uploadId]);
    expect(left).not.toContainEqual(expect.objectContaining({ uploadId: unknown.uploadId }));
    const file = {
      ...pending,
      etag: 'e',
      pending: true,
      sizeBytes: 1,
      checksum: null,
      crc32: null,
      folder: '',
      tags: [],
      checksumSource: 'server',
    } as const;
    await expect(records.save(OWNER, [file])).rejects.toMatchObject({ code: 'upload_interrupted' });
    const [row] = await world.query<{ id: number }>('SELECT min(id) AS id FROM cloud_files');
    const replacing = records.save(OWNER, [{ ...file, replacesFileId: row!.id }]);
    await expect(replacing).rejects.toMatchObject({ code: 'upload_interrupted' });
    await multipart.abort('f/by-hand/big.zip', foreign.uploadId);
  });

  it('deletes nothing with a database that was restored from a dump', async () => {
    const database = await copyTestDatabase(world.server.database);
    const statements = new Statements({ url: database.url, poolSize: 2, onConnectionLoss: () => undefined });
    try {
      await world.put();
      world.aheadMs += 30 * HOUR_MS;
      const before = world.deletions();
      for (let count = 0; count < 2; count += 1) {
        world.aheadMs += 2 * HOUR_MS;
        const sweep = world.sweep({ epochs: world.epochs(statements) });
        await expect(sweep).rejects.toMatchObject({ code: 'reconcile_required' });
      }
      expect(world.deletions()).toBe(before);
    } finally {
      await statements.close();
      await database.drop();
    }
  });
});
