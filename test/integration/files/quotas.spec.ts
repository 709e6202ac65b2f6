import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { OpenUploads } from '../../../src/files/open-uploads.js';
import { MAX_OPEN_UPLOADS } from '../../../src/files/upload-limits.js';
import { UploadServer, USER_ID } from './upload-server.js';

describe('a quota', () => {
  let server: UploadServer;

  beforeAll(async () => {
    server = await UploadServer.start();
  });

  afterAll(() => server.stop());

  beforeEach(async () => {
    await server.dataSource.query('DELETE FROM file_versions');
    await server.dataSource.query('DELETE FROM cloud_files');
    for (const key of (await server.leftInBucket()).objects) await server.storage.delete(key);
    await limitTo(null);
  });

  /** Every upload comes later than counts are good for. */
  const someTime = () => (server.quotaNowMs += 10_000);

  const limitTo = async (bytes: number | null) => {
    await server.dataSource.query('UPDATE users SET quota_bytes = $1 WHERE id = $2', [bytes, USER_ID]);
    someTime();
  };

  const put = async (sizeBytes: number, { chunked = false } = {}) => {
    someTime();
    const content = new Uint8Array(sizeBytes);
    const body = chunked ? new Blob([content]).stream() : content;
    const init = { method: 'PUT', body, ...(chunked && { duplex: 'half' as const }) };
    const response = await fetch(`${server.url}?filename=a.bin`, init);
    const { code } = (await response.json()) as { code?: string };
    return code ?? 'stored';
  };

  it('that nobody set limits nothing', async () => {
    expect(await put(100_000)).toBe('stored');
  });

  it('is filled to its last byte, and not further', async () => {
    await limitTo(1_000);
    expect([await put(600), await put(400), await put(1), await put(0)]).toEqual([
      'stored',
      'stored',
      'quota_exceeded',
      'stored',
    ]);
    expect((await server.leftInBucket()).objects).toHaveLength((await server.rows()).length);
  });

  it('holds for content whose length shows only at its end, which leaves nothing', async () => {
    await limitTo(1_000);
    expect(await put(1_001, { chunked: true })).toBe('quota_exceeded');
    expect(await server.rows()).toEqual([]);
    expect(await server.leftInBucket()).toEqual({ objects: [], uploads: 0 });
    expect(await put(1_000, { chunked: true })).toBe('stored');
  });

  it('counts the files of a form together', async () => {
    await limitTo(1_000);
    const form = new FormData();
    for (const name of ['a', 'b', 'c']) form.append('files', new File([new Uint8Array(400)], name));
    const response = await fetch(server.url, { method: 'POST', body: form });
    expect(await response.json()).toMatchObject({ code: 'quota_exceeded' });
    expect(await server.rows()).toEqual([]);
    expect(await server.leftInBucket()).toEqual({ objects: [], uploads: 0 });
  });

  it('counts the trash and kept versions, and has room as soon as files are gone', async () => {
    await put(500);
    await put(300);
    await server.dataSource.query(`UPDATE cloud_files SET state = 'trashed' WHERE file_size = 500`);
    await server.dataSource
      .query(`INSERT INTO file_versions (file_id, user_id, version, cloud_config_id, object_key,
        file_size, cloud_url, provider, checksum_source, content_type, uploaded_at)
      SELECT id, user_id, 7, cloud_config_id, 'f/earlier', 200, '', provider, 'server', content_type, now()
      FROM cloud_files WHERE file_size = 300`);
    await limitTo(1_000);
    expect(await put(1)).toBe('quota_exceeded');
    await server.dataSource.query(`UPDATE cloud_files SET state = 'deleting' WHERE file_size = 500`);
    expect(await put(500)).toBe('stored');
    expect(await server.quotas.read(USER_ID)).toEqual({ quotaBytes: 1_000, usedBytes: 1_000 });
  });

  it('of uploads under way counts those of all kinds that have not ended', async () => {
    const open = new OpenUploads(server.statements);
    const begin = (count: number, kind: string) =>
      server.dataSource.query(
        `INSERT INTO uploads (user_id, cloud_config_id, kind, object_key, filename, content_type, expires_at)
          SELECT $1, 1, $2, 'f/' || gen_random_uuid(), 'a', 'b/c', now() FROM generate_series(1, $3::integer)`,
        [USER_ID, kind, count],
      );
    await begin(MAX_OPEN_UPLOADS - 1, 'tus');
    await open.assertRoom(USER_ID);
    await begin(1, 'direct');
    await expect(open.assertRoom(USER_ID)).rejects.toMatchObject({ code: 'too_many_uploads' });
    await open.assertRoom(USER_ID + 1);
    await server.dataSource.query(`UPDATE uploads SET ended_at = now() WHERE kind = 'direct'`);
    await open.assertRoom(USER_ID);
    await server.dataSource.query('DELETE FROM uploads');
  });
});
