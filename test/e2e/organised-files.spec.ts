import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ApiFile, FilesClient } from './files-client.js';

interface OrganisedFile extends ApiFile {
  readonly folder: string;
  readonly tags: string[];
  readonly protected: boolean;
  readonly version: number;
  readonly trashed_at: string | null;
}

interface Job {
  readonly id: string;
  readonly state: string;
  readonly result: unknown;
}

describe('organised files', () => {
  let client: FilesClient;
  let other: FilesClient;

  beforeAll(async () => {
    client = await FilesClient.start();
    other = await client.otherUser();
  });

  afterAll(() => client.server.stop());

  async function put(path: string, content: string, headers: Record<string, string> = {}) {
    const response = await client.fetch(path, {
      method: 'PUT',
      headers: { 'content-type': 'text/plain', ...headers },
      body: content,
    });
    return {
      status: response.status,
      etag: response.headers.get('etag')!,
      body: (await response.json()) as OrganisedFile,
    };
  }

  async function upload(filename: string, folder = '', content = filename): Promise<OrganisedFile> {
    const { body } = await put(
      `/api/v1/files?filename=${filename}&folder=${encodeURIComponent(folder)}`,
      content,
    );
    return body;
  }

  async function status(
    method: string,
    path: string,
    body?: object,
    user = client,
  ): Promise<[number, string?]> {
    const response = await user.fetch(path, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return text === '' ? [response.status] : [response.status, (JSON.parse(text) as { code?: string }).code];
  }

  const path = (file: { readonly id: number }) => `/api/v1/files/${file.id}`;
  const textOf = async (route: string) => (await client.fetch(route)).text();
  const trash = async () => (await client.json<{ data: OrganisedFile[] }>('GET', '/api/v1/files/trash')).data;

  it('get other names, folders and tags, only in the state that If-Match names', async () => {
    const file = await upload('a.txt', 'x/');
    const first = (await client.fetch(path(file))).headers.get('etag')!;
    const change = (body: object, ifMatch: string) =>
      client.fetch(path(file), {
        method: 'PATCH',
        headers: { 'content-type': 'application/json', 'if-match': ifMatch },
        body: JSON.stringify(body),
      });
    const changed = await change({ filename: 'b.txt', folder: 'y/z', tags: ['q', 'a'] }, first);
    expect(await changed.json()).toMatchObject({ filename: 'b.txt', folder: 'y/z/', tags: ['a', 'q'] });
    expect((await change({ filename: 'c' }, first)).status).toBe(412);
    expect((await change({ protected: true }, changed.headers.get('etag')!)).status).toBe(200);
    expect(await textOf(`${path(file)}/content`)).toBe('a.txt');
    expect(await status('PATCH', path(file), { filename: '' })).toEqual([400, 'invalid_filename']);
    expect(await status('PATCH', path(file), { folder: '../x' })).toEqual([400, 'invalid_folder']);
    expect(await status('PATCH', path(file), { tags: ['a,b'] })).toEqual([400, 'invalid_tags']);
    expect(await status('PATCH', path(file), { id: 7 })).toEqual([400, 'validation_failed']);
    expect(await status('PATCH', path(file), { filename: 'x' }, other)).toEqual([404, 'not_found']);
  });

  it('go into the trash, come back, and go for good', async () => {
    const file = await upload('deleted.txt');
    expect(await status('DELETE', path(file), undefined, other)).toEqual([404, 'not_found']);
    expect(await status('DELETE', path(file))).toEqual([204]);
    expect(await status('GET', path(file))).toEqual([404, 'not_found']);
    expect(await trash()).toMatchObject([{ id: file.id, trashed_at: expect.stringMatching(/^20/) }]);
    expect(await status('POST', `${path(file)}/restore`, {}, other)).toEqual([404, 'not_found']);
    expect(await client.json('POST', `${path(file)}/restore`)).toMatchObject({
      id: file.id,
      trashed_at: null,
    });
    expect(await textOf(`${path(file)}/content`)).toBe('deleted.txt');
    await client.json('DELETE', path(file));
    expect(await status('DELETE', `${path(file)}?permanently=true`)).toEqual([204]);
    expect(await trash()).toEqual([]);
    expect(await client.leftovers()).toMatchObject({ files: [], objects: [] });
  });

  it('leave an emptied trash with all their versions and objects', async () => {
    const before = (await client.leftovers()).scanned_objects;
    const files = await Promise.all(['t1', 't2', 't3'].map((name) => upload(name)));
    await put(`${path(files[0]!)}/content`, 'second');
    for (const file of files) await client.json('DELETE', path(file));
    const page = await client.json<{ data: object[]; next_cursor: string }>(
      'GET',
      '/api/v1/files/trash?limit=2',
    );
    const rest = `/api/v1/files/trash?limit=2&cursor=${page.next_cursor}`;
    expect((await client.json<{ data: object[] }>('GET', rest)).data).toMatchObject([{ id: files[0]!.id }]);
    const job = await client.json<Job>('POST', '/api/v1/files/trash/empty');
    expect(await client.ended(job)).toMatchObject({ state: 'succeeded', result: { deleted: 3 } });
    expect(await client.leftovers()).toMatchObject({ files: [], objects: [], scanned_objects: before });
  });

  it('stay while they are protected', async () => {
    const file = await upload('kept.txt');
    await client.json('PATCH', path(file), { protected: true });
    expect(await status('DELETE', path(file))).toEqual([409, 'file_protected']);
    expect(await status('DELETE', `${path(file)}?permanently=true`)).toEqual([409, 'file_protected']);
    await client.json('PATCH', path(file), { protected: false });
    expect(await status('DELETE', path(file))).toEqual([204]);
  });

  it('keep their earlier contents, which can be read, restored and given up', async () => {
    const file = await upload('v.txt', '', 'one');
    const content = `${path(file)}/content`;
    const tag = (await client.fetch(content)).headers.get('etag')!;
    const second = await put(content, 'second', { 'if-match': tag });
    expect(second).toMatchObject({ status: 200, body: { id: file.id, version: 2, file_size: 6 } });
    expect((await put(content, 'lost', { 'if-match': tag })).status).toBe(412);
    await put(content, 'third', { 'if-match': second.etag });
    const versions = async () =>
      (
        await client.json<{ data: { version: number; superseded_at: string | null }[] }>(
          'GET',
          `${path(file)}/versions`,
        )
      ).data;
    expect((await versions()).map(({ version }) => version)).toEqual([3, 2, 1]);
    expect((await versions())[0]!.superseded_at).toBeNull();
    const part = await client.fetch(`${path(file)}/versions/2/content`, { headers: { range: 'bytes=0-2' } });
    expect([part.status, await part.text()]).toEqual([206, 'sec']);
    expect(await client.json('POST', `${path(file)}/versions/1/restore`)).toMatchObject({
      version: 4,
      file_size: 3,
    });
    expect(await textOf(content)).toBe('one');
    expect((await versions()).map(({ version }) => version)).toEqual([4, 3, 2]);
    expect(await status('DELETE', `${path(file)}/versions/4`)).toEqual([409, 'version_in_use']);
    expect(await status('DELETE', `${path(file)}/versions/2`, undefined, other)).toEqual([404, 'not_found']);
    expect(await status('DELETE', `${path(file)}/versions/2`)).toEqual([204]);
    expect(await status('GET', `${path(file)}/versions/2/content`)).toEqual([404, 'not_found']);
    expect(await textOf(`${path(file)}/versions/3/content`)).toBe('third');
    expect((await client.leftovers()).objects).toEqual([]);
  });

  it('are changed by the thousand', async () => {
    const files = await Promise.all(['b1', 'b2', 'b3'].map((name) => upload(name)));
    const ids = files.map(({ id }) => id);
    const bulk = (body: object) =>
      client.json('POST', '/api/v1/files/bulk', { ids: [...ids, 2_000_000_000], ...body });
    const done = { changed: 3, unchanged_ids: [2_000_000_000] };
    expect(await bulk({ action: 'move', folder: 'bulk' })).toEqual(done);
    expect(await bulk({ action: 'tag', tags: ['z', 'b'] })).toEqual(done);
    expect(await bulk({ action: 'tag', tags: ['a'] })).toEqual(done);
    expect(await bulk({ action: 'untag', tags: ['z'] })).toEqual(done);
    expect(await client.json('GET', path(files[0]!))).toMatchObject({ folder: 'bulk/', tags: ['a', 'b'] });
    expect(
      await client.json('POST', '/api/v1/files/bulk', { action: 'protect', ids: [ids[0]] }),
    ).toMatchObject({ changed: 1 });
    expect(await bulk({ action: 'trash' })).toEqual({ changed: 2, unchanged_ids: [ids[0], 2_000_000_000] });
    expect(await bulk({ action: 'restore' })).toMatchObject({ changed: 2 });
    expect(await status('POST', '/api/v1/files/bulk', { action: 'move', ids })).toEqual([
      400,
      'invalid_folder',
    ]);
    expect(await status('POST', '/api/v1/files/bulk', { action: 'tag', ids })).toEqual([400, 'invalid_tags']);
    expect(await status('POST', '/api/v1/files/bulk', { action: 'burn', ids })).toEqual([
      400,
      'validation_failed',
    ]);
  });

  it('lie in folders that can be listed and renamed', async () => {
    const user = await client.otherUser();
    await user.configure({ provider: 'local_disk', bucket_name: 'folders' });
    const send = (folder: string, content: string) =>
      user.fetch(`/api/v1/files?filename=f&folder=${encodeURIComponent(folder)}`, {
        method: 'PUT',
        body: content,
      });
    for (const folder of ['', 'a/', 'a/b/', 'a/b/c/', 'a/b0/', 'a0/', 'ü/']) await send(folder, folder);
    const folders = async (query = '') =>
      (await user.json<{ data: { folder: string }[] }>('GET', `/api/v1/folders${query}`)).data;
    expect(await folders()).toEqual([
      { folder: 'a/', name: 'a', file_count: 4, total_bytes: 17 },
      { folder: 'a0/', name: 'a0', file_count: 1, total_bytes: 3 },
      { folder: 'ü/', name: 'ü', file_count: 1, total_bytes: 3 },
    ]);
    expect((await folders('?parent=a')).map(({ folder }) => folder)).toEqual(['a/b/', 'a/b0/']);
    const page = await user.json<{ next_cursor: string }>('GET', '/api/v1/folders?limit=1');
    expect((await folders(`?limit=1&cursor=${page.next_cursor}`)).map(({ folder }) => folder)).toEqual([
      'a0/',
    ]);
    const rename = (from: string, to: string) => status('POST', '/api/v1/folders/rename', { from, to }, user);
    expect(await rename('a/', 'a/x')).toEqual([400, 'invalid_folder']);
    expect(await rename('', 'x')).toEqual([400, 'invalid_folder']);
    expect(await rename('a/b/', 'x'.repeat(255).replace(/$/, '/').repeat(4))).toEqual([
      400,
      'invalid_folder',
    ]);
    expect(await user.json('POST', '/api/v1/folders/rename', { from: 'a/b', to: 'n/m' })).toEqual({
      moved: 2,
    });
    expect((await folders('?parent=n/')).map(({ folder }) => folder)).toEqual(['n/m/']);
    expect((await folders('?parent=a/')).map(({ folder }) => folder)).toEqual(['a/b0/']);
  });
});
