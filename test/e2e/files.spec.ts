import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ApiFile, FilesClient } from './files-client.js';

describe('files', () => {
  let client: FilesClient;
  const files: ApiFile[] = [];

  beforeAll(async () => {
    client = await FilesClient.start();
    for (let at = 0; at < 12; at++)
      files.push(await client.upload(`file ${String(at).padStart(2, '0')}`, 'x'.repeat(at)));
  });

  afterAll(() => client.server.stop());

  it('are listed newest first, in pages that a Link header leads through', async () => {
    const listed: ApiFile[] = [];
    let path: string | undefined = '/api/v1/files?limit=5';
    while (path !== undefined) {
      const response = await client.fetch(path);
      const page = (await response.json()) as { data: ApiFile[]; next_cursor: string | null };
      listed.push(...page.data);
      path = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
      expect(path === undefined).toBe(page.next_cursor === null);
    }
    expect(listed).toEqual(files.toReversed());
  });

  it('are listed for the implementation guide with a Link header, too', async () => {
    const response = await client.fetch('/api/cloud/files?limit=5');
    expect((await response.json()) as object[]).toHaveLength(5);
    expect(response.headers.get('link')).toMatch(/<\/api\/cloud\/files\?limit=5&cursor=[\w-]+>; rel="next"/);
    expect((await (await client.fetch('/api/cloud/files')).json()) as object[]).toHaveLength(12);
  });

  it.each([
    ['?sort=filename&order=asc&limit=2', ['file 00', 'file 01']],
    ['?sort=file_size&limit=2', ['file 11', 'file 10']],
    ['?sort=uploaded_at&order=asc&limit=1', ['file 00']],
    ['?filename_prefix=file%2009', ['file 09']],
    ['?filename_contains=E%201', ['file 11', 'file 10']],
    ['?provider=aws_s3', []],
    ['?provider=local_disk&limit=1', ['file 11']],
    ['?uploaded_after=2020-01-01&limit=1', ['file 11']],
    ['?uploaded_before=2020-01-01T00:00:00%2B02:00', []],
  ])('are listed by %s', async (query, names) => {
    expect((await client.list(query)).map(({ filename }) => filename)).toEqual(names);
  });

  it.each([
    'limit=0',
    'limit=-1',
    'limit=1001',
    'limit=10abc',
    'limit=1.5',
    'limit=1&limit=2',
    'cursor=nonsense',
    'cursor=eyJpZCI6Ing',
    'sort=crc32',
    'sort=id;drop',
    'order=sideways',
    'provider=nobody',
    'uploaded_after=Invalid%20Date',
    'uploaded_after=yesterday',
    'uploaded_after=2026-13-01',
    'uploaded_before=',
    'filename_prefix=',
    'filename_prefix=a%0Ab',
    `filename_contains=${'x'.repeat(256)}`,
    'unknown=1',
  ])('are not listed by %s', async (query) => {
    const response = await client.fetch(`/api/v1/files?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'validation_failed' });
  });

  it('are deleted for good, once', async () => {
    const [file] = files;
    const remove = () => client.fetch(`/api/v1/files/${file!.id}?permanently=true`, { method: 'DELETE' });
    expect((await remove()).status).toBe(204);
    expect((await remove()).status).toBe(404);
    expect((await client.fetch(`/api/v1/files/${file!.id}/content`)).status).toBe(404);
    expect(await client.leftovers()).toMatchObject({
      scanned_objects: 11,
      objects: [],
      files: [],
      uploads: [],
    });
    const { data } = await client.json<{ data: { action: string; subject: string }[] }>(
      'GET',
      '/api/v1/audit',
    );
    expect(data).toContainEqual(
      expect.objectContaining({ action: 'file.deleted', subject: `file:${file!.id}` }),
    );
  });

  it('stay readable after their user chose another bucket', async () => {
    const [, file] = files;
    await client.configure({ provider: 'local_disk', bucket_name: 'other' });
    const elsewhere = await client.upload('elsewhere', 'new');
    for (const [id, text] of [
      [file!.id, 'x'],
      [elsewhere.id, 'new'],
    ]) {
      expect(await (await client.fetch(`/api/v1/files/${id}/content`)).text()).toBe(text);
    }
    await client.configure({ provider: 'local_disk', bucket_name: 'files' });
  });

  it('do not shadow the report of leftovers', async () => {
    expect(await client.leftovers()).toMatchObject({ objects: [], files: [], uploads: [] });
    const refused = await client.fetch('/api/v1/files/leftovers?older_than_seconds=-1');
    expect(refused.status).toBe(400);
  });
});
