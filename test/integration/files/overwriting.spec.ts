import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { FILE, type UploadedFile, UploadClient } from './upload-client.js';
import { type UploadServer, USER_ID } from './upload-server.js';

interface PlacedFile extends UploadedFile {
  readonly folder: string;
  readonly tags: string[];
  readonly version: number;
}

describe('where uploads go', () => {
  let client: UploadClient;
  let server: UploadServer;

  beforeAll(async () => {
    client = await UploadClient.start();
    server = client.server;
  });

  afterAll(() => server.stop());

  afterEach(async () => {
    await server.dataSource.query('TRUNCATE file_versions, sync_settings');
    await client.reset();
  });

  async function put(query: string, content: string): Promise<PlacedFile> {
    const { files, ...outcome } = await client.send(Buffer.from(content), 'text/plain', { query });
    if (files === undefined) throw new Error(JSON.stringify(outcome));
    return files[0] as PlacedFile;
  }

  const versions = () =>
    server.dataSource.query<{ version: number; state: string; object_key: string }[]>(
      'SELECT version, state, object_key FROM file_versions ORDER BY version',
    );

  it('is what the query says', async () => {
    const file = await put('?filename=a.txt&folder=reports/2026&tags=q3,b', 'one');
    expect(file).toMatchObject({ folder: 'reports/2026/', tags: ['b', 'q3'], version: 1 });
    expect(await server.reads.one(USER_ID, file.id)).toMatchObject({
      folder: 'reports/2026/',
      tags: ['b', 'q3'],
      version: 1,
      protected: false,
      checksum_source: 'server',
      missing_since: null,
      trashed_at: null,
    });
  });

  it('is what the fields before the files of a form say', async () => {
    const fields = [
      { name: 'folder', content: 'ü/' },
      { name: 'tags', content: 'x' },
    ];
    const many = { ...FILE, name: 'files' };
    const { files } = await client.sendForm([
      ...fields,
      { ...many, content: '1' },
      { ...many, content: '2' },
    ]);
    expect(files).toMatchObject([
      { folder: 'ü/', tags: ['x'] },
      { folder: 'ü/', tags: ['x'] },
    ]);
    const late = await client.sendForm([{ ...many, content: '3' }, ...fields]);
    expect(late).toMatchObject({ status: 400, code: 'invalid_form' });
    const wrong = await client.sendForm([
      { name: 'folder', content: 'a/../b' },
      { ...FILE, content: '4' },
    ]);
    expect(wrong).toMatchObject({ status: 400, code: 'invalid_folder' });
    expect(await server.rows()).toHaveLength(2);
  });

  it('makes namesakes unless it overwrites', async () => {
    const first = await put('?filename=a.txt&folder=x', 'one');
    expect((await put('?filename=a.txt&folder=x', 'two')).id).not.toBe(first.id);
  });

  it('makes a new version of the file that it overwrites, and of no other', async () => {
    const first = await put('?filename=a.txt&folder=x&tags=keep&overwrite=true', 'one');
    await put('?filename=a.txt&folder=y', 'elsewhere');
    const second = await put('?filename=a.txt&folder=x/&overwrite=true&tags=other', 'second');
    expect(second).toMatchObject({ id: first.id, version: 2, tags: ['keep'], sizeBytes: 6 });
    expect(await client.contentOf(second.objectKey)).toEqual(Buffer.from('second'));
    expect(await client.contentOf(first.objectKey)).toEqual(Buffer.from('one'));
    expect(await versions()).toEqual([{ version: 1, state: 'kept', object_key: first.objectKey }]);
    expect(await server.reads.one(USER_ID, first.id)).toMatchObject({ version: 2, file_size: 6 });
  });

  it('gives each of many that overwrite the same name its own version', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, at) => put('?filename=same&overwrite=true', `content ${at}`)),
    );
    expect(new Set(outcomes.map(({ id }) => id)).size).toBe(1);
    expect(outcomes.map(({ version }) => version).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await versions()).toHaveLength(7);
  });

  it('overwrites within one form in its order, all or none', async () => {
    const many = { ...FILE, name: 'files', filename: 'same' };
    const overwrite = { name: 'overwrite', content: 'true' };
    const { files } = await client.sendForm([
      overwrite,
      { ...many, content: '1' },
      { ...many, content: '22' },
    ]);
    expect(files).toMatchObject([{ version: 1 }, { version: 2, sizeBytes: 2 }]);
    expect(new Set(files!.map(({ id }) => id)).size).toBe(1);
  });

  it('gives up the oldest versions beyond keep_versions, but none of a protected file', async () => {
    await server.dataSource.query('INSERT INTO sync_settings (user_id, keep_versions) VALUES ($1, 2)', [
      USER_ID,
    ]);
    const overwrite = (content: string) => put('?filename=a&overwrite=true', content);
    for (const content of ['1', '2', '3', '4']) await overwrite(content);
    expect((await versions()).map(({ state }) => state)).toEqual(['deleting', 'kept', 'kept']);
    await server.dataSource.query('UPDATE cloud_files SET protected = true');
    await overwrite('5');
    expect((await versions()).map(({ state }) => state)).toEqual(['deleting', 'kept', 'kept', 'kept']);
  });
});
