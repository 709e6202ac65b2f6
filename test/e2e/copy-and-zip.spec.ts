import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readZip } from '../support/read-zip.js';
import { type ApiFile, FilesClient } from './files-client.js';

interface PlacedFile extends ApiFile {
  readonly folder: string;
  readonly tags: string[];
  readonly checksum_source: string;
}

interface Job {
  readonly id: string;
  readonly state: string;
  readonly result: Record<string, unknown> | null;
}

describe('archives and copies of files', () => {
  let client: FilesClient;
  let other: FilesClient;

  beforeAll(async () => {
    client = await FilesClient.start({ env: { UPLOADS_PER_USER: '4' } });
    other = await client.otherUser();
  });

  afterAll(() => client.server.stop());

  async function upload(
    filename: string,
    folder = '',
    content: Uint8Array | string = `${folder}${filename}`,
    user = client,
  ) {
    const query = `filename=${encodeURIComponent(filename)}&folder=${encodeURIComponent(folder)}&tags=t`;
    const response = await user.fetch(`/api/v1/files?${query}`, {
      method: 'PUT',
      headers: { 'content-type': 'text/plain' },
      body: content as Uint8Array<ArrayBuffer>,
    });
    return (await response.json()) as PlacedFile;
  }

  async function zip(query: string, user = client) {
    const response = await user.fetch(`/api/v1/files/zip?${query}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    return { response, bytes };
  }

  async function entries(query: string): Promise<Record<string, string>> {
    const { response, bytes } = await zip(query);
    expect(response.status).toBe(200);
    expect(Number(response.headers.get('content-length'))).toBe(bytes.length);
    return Object.fromEntries(
      Array.from(readZip(bytes), ([name, { content }]) => [name, content.toString()] as const),
    );
  }

  async function refusal(query: string, user = client): Promise<[number, string]> {
    const { response, bytes } = await zip(query, user);
    return [response.status, (JSON.parse(bytes.toString()) as { code: string }).code];
  }

  it('hold a folder and all below it, by names that lead nowhere else', async () => {
    await upload('top.txt');
    await upload('Ärger 👩‍💻.txt', 'z/');
    await upload('../../x', 'z/y/');
    await upload('same.txt', 'z/y/', 'one');
    await upload('same.txt', 'z/y/', 'two');
    await upload('empty', 'z/y/', '');
    await upload('other', 'z0/');
    expect(await entries('folder=z')).toEqual({
      'Ärger 👩‍💻.txt': 'z/Ärger 👩‍💻.txt',
      'y/.._.._x': 'z/y/../../x',
      'y/same.txt': 'one',
      'y/same (2).txt': 'two',
      'y/empty': '',
    });
    expect(Object.keys(await entries('folder='))).toEqual([
      'top.txt',
      'z/Ärger 👩‍💻.txt',
      'z/y/.._.._x',
      'z/y/empty',
      'z/y/same.txt',
      'z/y/same (2).txt',
      'z0/other',
    ]);
  });

  it('hold chosen files, under the name that is wished', async () => {
    const [one, two] = [await upload('one', 'c/d/'), await upload('two', 'c/e/')];
    const ids = `file_ids=${two.id},${one.id},${one.id}`;
    expect(await entries(ids)).toEqual({ 'd/one': 'c/d/one', 'e/two': 'c/e/two' });
    const named = await zip(`${ids}&filename=${encodeURIComponent('Grüße')}`);
    expect(named.response.headers.get('content-disposition')).toContain(
      `filename*=UTF-8''Gr%C3%BC%C3%9Fe.zip`,
    );
    const head = await client.fetch(`/api/v1/files/zip?${ids}`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(named.bytes.length)]);
    expect(head.headers.get('content-disposition')).toContain('files.zip');
    const accessed = await client.json<ApiFile>('GET', `/api/v1/files/${one.id}`);
    expect(accessed).toHaveProperty('last_accessed');
  });

  it('are refused with what to do', async () => {
    const mine = await upload('mine', 'm/');
    expect(await refusal('folder=absent/')).toEqual([404, 'not_found']);
    expect(await refusal(`file_ids=${mine.id}`, other)).toEqual([404, 'not_found']);
    expect(await refusal(`file_ids=${mine.id},2000000000`)).toEqual([404, 'not_found']);
    expect(await refusal('folder=../x')).toEqual([400, 'invalid_folder']);
    expect(await refusal('')).toEqual([400, 'validation_failed']);
    expect(await refusal(`folder=m&file_ids=${mine.id}`)).toEqual([400, 'validation_failed']);
    expect(await refusal('file_ids=1;2')).toEqual([400, 'validation_failed']);
    expect(await refusal('file_ids=0')).toEqual([400, 'validation_failed']);
    const many = Array.from({ length: 1_001 }, (_, index) => index + 1).join(',');
    expect(await refusal(`file_ids=${many}`)).toEqual([400, 'validation_failed']);
  });

  it('break off where a file is gone, and are no archives then', async () => {
    const user = await client.otherUser();
    await user.configure({ provider: 'local_disk', bucket_name: 'broken' });
    const large = Buffer.alloc(4 * 1024 * 1024, 7);
    await upload('a', '', large, user);
    const second = await upload('b', '', 'gone', user);
    const folder = join(client.server.dataDir, 'buckets');
    await removeObject(folder, second.cloud_url);
    await expect(zip('folder=', user)).rejects.toThrow();
    // The first one is told of before a byte is sent.
    expect(await refusal(`file_ids=${second.id}`, user)).toEqual([404, 'object_not_found']);
    await user.json('DELETE', `/api/v1/files/${second.id}?permanently=true`);
    expect((await zip('folder=', user)).response.status).toBe(200);
  });

  const copyOf = (
    file: { readonly id: number },
    body?: object,
    headers: Record<string, string> = {},
    user = client,
  ) =>
    user.fetch(`/api/v1/files/${file.id}/copy`, {
      method: 'POST',
      headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });

  async function copied(...args: Parameters<typeof copyOf>): Promise<PlacedFile> {
    const response = await copyOf(...args);
    const file = (await response.json()) as PlacedFile;
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`/api/v1/files/${file.id}`);
    return file;
  }

  it('share nothing with their source as copies', async () => {
    const file = await upload('source.txt', 'copies/', 'one content');
    const same = await copied(file);
    expect(same).toMatchObject({ filename: 'source.txt', folder: 'copies/', tags: ['t'], version: 1 });
    const other = await copied(file, { filename: 'other.txt', folder: 'copies/x', tags: [] });
    expect(other).toMatchObject({
      filename: 'other.txt',
      folder: 'copies/x/',
      tags: [],
      content_type: 'text/plain',
      checksum: file.checksum,
      checksum_source: 'provider',
    });
    expect(new Set([file, same, other].map(({ cloud_url: url }) => url)).size).toBe(3);
    await client.json('DELETE', `/api/v1/files/${file.id}?permanently=true`);
    expect(await entries('folder=copies')).toEqual({
      'source.txt': 'one content',
      'x/other.txt': 'one content',
    });
    expect((await client.leftovers()).objects).toEqual([]);
  });

  it('are refused where an upload would be, and made once for one Idempotency-Key', async () => {
    const file = await upload('limits.txt', 'l/', '0123456789');
    const answer = async (response: Response) => [
      response.status,
      ((await response.json()) as { code: string }).code,
    ];
    expect(await answer(await copyOf(file, undefined, {}, other))).toEqual([404, 'not_found']);
    expect(await answer(await copyOf(file, { filename: '' }))).toEqual([400, 'invalid_filename']);
    expect(await answer(await copyOf(file, { folder: 'a//b' }))).toEqual([400, 'invalid_folder']);
    expect(await answer(await copyOf(file, { tags: ['a,b'] }))).toEqual([400, 'invalid_tags']);
    expect(await answer(await copyOf(file, { protected: true }))).toEqual([400, 'validation_failed']);
    const key = { 'idempotency-key': 'copy-once' };
    const [first, again] = [await copied(file, {}, key), await copied(file, {}, key)];
    expect(again).toEqual(first);
    const user = await client.otherUser();
    await user.configure({ provider: 'local_disk', bucket_name: 'small' });
    const { user: me } = await user.json<{ user: { id: number } }>('GET', '/api/v1/me');
    await client.json('PATCH', `/api/v1/users/${me.id}`, { quota_bytes: 15 });
    const theirs = await upload('theirs', '', '0123456789', user);
    // What is counted may be some seconds old.
    let refused = await copyOf(theirs, {}, {}, user);
    while (refused.status === 201) refused = await copyOf(theirs, {}, {}, user);
    expect(await answer(refused)).toEqual([413, 'quota_exceeded']);
    expect((await user.leftovers()).objects).toEqual([]);
  });

  it('are made by a job for whom would rather not wait, once for one Idempotency-Key', async () => {
    const file = await upload('long.txt', 'jobs/', 'takes its time');
    const prefer = { prefer: 'respond-async', 'idempotency-key': 'copy-later' };
    const asked = [await copyOf(file, { filename: 'later' }, prefer)];
    asked.push(await copyOf(file, { filename: 'later' }, prefer));
    const jobs = (await Promise.all(asked.map((answer) => answer.json()))) as Job[];
    expect(asked.map((answer) => answer.status)).toEqual([202, 202]);
    expect(asked[0]!.headers.get('preference-applied')).toBe('respond-async');
    expect(asked[0]!.headers.get('location')).toBe(`/api/v1/jobs/${jobs[0]!.id}`);
    expect(jobs[1]).toEqual(jobs[0]);
    const job = await client.ended<Job>(jobs[0]!);
    expect(job).toMatchObject({ kind: 'file.copy', subject: `file:${file.id}`, state: 'succeeded' });
    const { file_id, checksum } = job.result!;
    expect([checksum, file_id]).toEqual([file.checksum, expect.any(Number)]);
    const folder = await client.list('?folder=jobs/');
    expect(folder.map(({ filename }) => filename).toSorted()).toEqual(['later', 'long.txt']);
    const response = await client.fetch(`/api/v1/files/${String(file_id)}/content`);
    expect(await response.text()).toBe('takes its time');
    expect((await copyOf(file, { filename: '' }, { prefer: 'respond-async' })).status).toBe(400);
    expect((await copyOf({ id: 2_000_000_000 }, {}, { prefer: 'respond-async' })).status).toBe(404);
  });

  it('fail as a job with what to do', async () => {
    const user = await client.otherUser();
    await user.configure({ provider: 'local_disk', bucket_name: 'lost' });
    const file = await upload('lost', '', 'soon gone', user);
    await removeObject(join(client.server.dataDir, 'buckets'), file.cloud_url);
    const answer = await copyOf(file, {}, { prefer: 'respond-async' }, user);
    const job = await user.ended<Job>((await answer.json()) as Job);
    expect(job).toMatchObject({ state: 'failed', result: null, error: { code: 'object_not_found' } });
    expect(await user.list()).toHaveLength(1);
  });

  it('of an earlier bucket are read, checked and written into the present one', async () => {
    const user = await client.otherUser();
    await user.configure({ provider: 'local_disk', bucket_name: 'earlier' });
    const content = Buffer.alloc(700_000, 'abc');
    const file = await upload('moved', '', content, user);
    await user.configure({ provider: 'local_disk', bucket_name: 'present' });
    const copy = await copied(file, {}, {}, user);
    expect(copy).toMatchObject({ checksum: file.checksum, checksum_source: 'server' });
    expect(copy.cloud_url).toMatch(/present/);
    const both = readZip((await zip('folder=', user)).bytes);
    expect([...both.values()].map(({ content: bytes }) => bytes.equals(content))).toEqual([true, true]);
  });
});

/** Wherever below the data folder it lies. */
async function removeObject(folder: string, cloudUrl: string): Promise<void> {
  const name = cloudUrl.split('/').at(-1)!;
  const found = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith(name));
  if (found.length !== 1) throw new Error(`There are ${found.length} objects of this name.`);
  await rm(join(folder, found[0]!));
}
