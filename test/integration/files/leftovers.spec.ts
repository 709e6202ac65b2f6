import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { findLeftovers } from '../../../src/files/find-leftovers.js';
import { formBody, formType } from './form-body.js';
import { UploadServer, USER_ID } from './upload-server.js';

const OWNER = { userId: USER_ID, configId: 1, provider: 's3_compatible' } as const;

describe('leftovers', () => {
  let server: UploadServer;

  beforeAll(async () => {
    server = await UploadServer.start();
  });

  afterAll(() => server.stop());

  afterEach(() => {
    server.bucket.hostileListing = undefined;
  });

  const find = (olderThanMs = 0, nowMs = Date.now() + 60_000) =>
    findLeftovers(server.statements, {
      userId: USER_ID,
      bucket: { configId: 1, storage: server.storage },
      olderThanMs,
      nowMs,
    });

  const put = (key: string) => server.storage.put(key, Buffer.from('x'), { sizeBytes: 1 });

  it('are objects without a row, rows without an end and uploads that nobody knows', async () => {
    const form = formBody([{ name: 'file', filename: 'good', content: 'good' }]);
    await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': formType() },
      body: new Uint8Array(form),
    });
    await put('f/orphan/1');
    await put('elsewhere/2');
    const { records } = server;
    const pending = { objectKey: 'f/pending/1', filename: 'p', contentType: 'a/b', cloudUrl: 's3://x' };
    const known = await server.storage.multipart!.create(pending.objectKey, {});
    await records.savePending(OWNER, pending, known.uploadId);
    const unknown = await server.storage.multipart!.create('f/unknown/1', {});

    const report = await find();
    expect(report).toMatchObject({
      scannedObjects: 2,
      truncated: false,
      objects: [{ key: 'f/orphan/1', sizeBytes: 1 }],
      rows: [{ objectKey: 'f/pending/1', state: 'pending', uploadId: known.uploadId }],
      uploads: [{ key: 'f/unknown/1', uploadId: unknown.uploadId }],
    });
    expect(report.objects).toHaveLength(1);
  });

  it('are not what may still become a file', async () => {
    const report = await find(3_600_000);
    expect([report.rows, report.objects, report.uploads]).toEqual([[], [], []]);
  });

  it('are those of the same bucket under whatever configuration', async () => {
    const before = await find();
    await server.statements.query(
      {
        name: 'test_other',
        text: `INSERT INTO cloud_configs (id, user_id, provider, encrypted_config, bucket_name, is_active)
          VALUES (2, ${USER_ID}, 's3_compatible', '', 'stowage-test', false)`,
      },
      [],
    );
    await put('f/other/1');
    const other = { ...OWNER, configId: 2 };
    const { records } = server;
    const file = { filename: 'o', contentType: 'a/b', cloudUrl: 's3://x', etag: 'e', pending: false };
    await records.save(other, [
      {
        ...file,
        objectKey: 'f/other/1',
        sizeBytes: 1,
        checksum: '0'.repeat(64),
        crc32: 1,
        folder: '',
        tags: [],
        checksumSource: 'server',
      },
    ]);
    expect((await find()).objects).toEqual(before.objects);
  });

  it('are unknown when the bucket cannot be listed completely', async () => {
    server.bucket.hostileListing = 'html';
    await expect(find()).rejects.toMatchObject({ name: 'StorageError' });
  });
});
