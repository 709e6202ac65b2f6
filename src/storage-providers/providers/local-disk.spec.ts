import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createLocalDiskUrls } from '../local-disk-signing.js';
import { compareUtf8, strictList } from '../strict-list.js';
import type { ConnectContext, ObjectStorage } from '../storage-provider.js';
import { localDisk, openLocalBucket } from './local-disk.js';

const NOW = Date.UTC(2026, 10, 22);

let root: string;
let bucket: string;
let context: ConnectContext;
let storage: ObjectStorage;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stowage-local-disk-'));
  bucket = join(root, 'demo');
  context = {
    dialer: { assertAllowed: () => undefined, lookup: () => undefined },
    localDiskRoot: root,
    timeouts: { connectMs: 1_000, responseMs: 1_000, idleBodyMs: 1_000 },
    now: () => NOW,
  };
  storage = localDisk.connect({ bucket_name: 'demo' }, context);
});

afterEach(async () => {
  await storage.close();
  await rm(root, { recursive: true, force: true });
});

const put = (key: string, text: string, options: { createOnly?: boolean } = {}) =>
  storage.put(key, Buffer.from(text), { sizeBytes: Buffer.byteLength(text), ...options });
const read = async (key: string) => Buffer.concat(await (await storage.get(key)).body.toArray()).toString();
const tempFiles = () => readdir(join(bucket, '.stowage/tmp'));

async function keysBelow(prefix: string, pageSize?: number): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of strictList(storage, { prefix, pageSize })) keys.push(key);
  return keys;
}

describe('objects of local_disk', () => {
  it('lie under their own names and answer the same etag everywhere', async () => {
    const { etag } = await storage.put(
      'r/1/data/00/é 😀.bin',
      Readable.from([Buffer.from('hel'), Buffer.from('lo')]),
      {
        sizeBytes: 5,
      },
    );
    expect(await readFile(join(bucket, 'r/1/data/00/é 😀.bin'), 'utf8')).toBe('hello');
    const { body, ...content } = await storage.get('r/1/data/00/é 😀.bin');
    body.destroy();
    expect(content).toMatchObject({ etag, sizeBytes: 5, totalBytes: 5 });
    expect(await storage.head('r/1/data/00/é 😀.bin')).toMatchObject({ etag, sizeBytes: 5 });
    expect((await storage.listPage({ prefix: '' })).objects).toMatchObject([
      { key: 'r/1/data/00/é 😀.bin', etag },
    ]);
    expect(await tempFiles()).toEqual([]);
  });

  it('are replaced as a whole, with another etag', async () => {
    const first = await put('k', 'one');
    const opened = await storage.get('k');
    const second = await put('k', 'two');
    expect(second.etag).not.toBe(first.etag);
    expect(Buffer.concat(await opened.body.toArray()).toString()).toBe('one');
    expect(await read('k')).toBe('two');
  });

  it('are made once by create-only, whoever comes first', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 16 }, (_, at) => put('k', `writer ${at}`, { createOnly: true })),
    );
    const losers = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(losers).toHaveLength(15);
    for (const { reason } of losers) expect(reason).toMatchObject({ code: 'conflict' });
    const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
    expect(await read('k')).toBe(`writer ${winner}`);
    expect(await tempFiles()).toEqual([]);
  });

  it('are not stored when length or digest are wrong', async () => {
    const sha256 = createHash('sha256').update('hello').digest();
    await storage.put('good', Buffer.from('hello'), { sizeBytes: 5, sha256 });
    const bad = [
      storage.put('k', Buffer.from('hellx'), { sizeBytes: 5, sha256 }),
      storage.put('k', Buffer.from('hello'), { sizeBytes: 5, md5: Buffer.alloc(16) }),
      storage.put('k', Buffer.from('hello'), { sizeBytes: 4 }),
      storage.put('k', Readable.from([Buffer.from('hell')]), { sizeBytes: 5 }),
      storage.put('k', Readable.from([Buffer.from('hello'), Buffer.from('!')]), { sizeBytes: 5 }),
    ];
    for (const outcome of await Promise.allSettled(bad)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'integrity', retryable: false } });
    }
    expect(await keysBelow('')).toEqual(['good']);
    expect(await tempFiles()).toEqual([]);
  });

  it('leave nothing when the source fails or the caller gives up', async () => {
    const failing = new Readable({ read() {} });
    failing.push('abc');
    setImmediate(() => failing.destroy(new Error('gone')));
    await expect(storage.put('k', failing, { sizeBytes: 10 })).rejects.toMatchObject({ code: 'aborted' });
    const endless = new Readable({ read() {} });
    endless.push('abc');
    const controller = new AbortController();
    setImmediate(() => controller.abort());
    const { signal } = controller;
    await expect(storage.put('k', endless, { sizeBytes: 10, signal })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(endless.destroyed).toBe(true);
    expect(await keysBelow('')).toEqual([]);
    expect(await tempFiles()).toEqual([]);
  });

  it('answer ranges as HTTP does', async () => {
    await put('k', 'hello');
    await put('empty', '');
    const range = async (start: number, end: number) => {
      const { body, sizeBytes, totalBytes } = await storage.get('k', { range: { start, end } });
      return [Buffer.concat(await body.toArray()).toString(), sizeBytes, totalBytes];
    };
    expect(await range(1, 2)).toEqual(['el', 2, 5]);
    expect(await range(4, 99)).toEqual(['o', 1, 5]);
    await expect(range(5, 9)).rejects.toMatchObject({ code: 'provider_error', providerCode: 'InvalidRange' });
    expect(await read('empty')).toBe('');
  });

  it('are gone after delete, with their empty folders, and twice is once', async () => {
    await put('a/b/c', 'x');
    await put('a/d', 'x');
    await storage.delete('a/b/c');
    await storage.delete('a/b/c');
    expect(await readdir(join(bucket, 'a'))).toEqual(['d']);
    await expect(storage.get('a/b/c')).rejects.toMatchObject({ code: 'object_not_found' });
  });

  it('survive that folders are removed while others write into them', async () => {
    const rounds = Array.from({ length: 60 }, async (_, at) => {
      await put(`p/q/${at}`, 'x', { createOnly: true });
      await storage.delete(`p/q/${at}`);
    });
    await Promise.all(rounds);
    expect(await keysBelow('')).toEqual([]);
  });
});

describe('keys that are folders of other keys', () => {
  it.each([
    ['the file first', ['a', 'a/b', 'a/b/c']],
    ['the folder first', ['a/b/c', 'a/b', 'a']],
  ])('work with %s', async (_name, keys) => {
    for (const key of keys) await put(key, `content of ${key}`, { createOnly: true });
    for (const key of keys) {
      expect(await read(key)).toBe(`content of ${key}`);
      await expect(put(key, 'again', { createOnly: true })).rejects.toMatchObject({ code: 'conflict' });
      await put(key, `new content of ${key}`);
      expect(await read(key)).toBe(`new content of ${key}`);
    }
    expect(await keysBelow('')).toEqual(['a', 'a/b', 'a/b/c']);
    expect(await keysBelow('a/')).toEqual(['a/b', 'a/b/c']);
    for (const key of keys) await storage.delete(key);
    expect(await keysBelow('')).toEqual([]);
  });

  it('keep one version when their place becomes free', async () => {
    await put('a', 'file');
    await put('a/b', 'aside');
    await storage.delete('a');
    await expect(put('a/b', 'x', { createOnly: true })).rejects.toMatchObject({ code: 'conflict' });
    await put('a/b', 'own');
    expect(await read('a/b')).toBe('own');
    expect(await keysBelow('')).toEqual(['a/b']);
    await storage.delete('a/b');
    await expect(storage.head('a/b')).rejects.toMatchObject({ code: 'object_not_found' });
  });

  it('may begin with our own folder and have percent signs', async () => {
    const keys = [
      '.stowage',
      '.stowage/tmp',
      '.stowage/tmp/x',
      '.stowage/uploads/100%25%d/%o',
      'x%o',
      'x%d/y',
    ];
    for (const key of keys) await put(key, key);
    for (const key of keys) expect(await read(key)).toBe(key);
    expect(await keysBelow('')).toEqual([...keys].sort(compareUtf8));
    expect(await keysBelow('.stowage/tmp/')).toEqual(['.stowage/tmp/x']);
  });
});

describe('listings of local_disk', () => {
  const KEYS = [
    'a',
    'a!',
    'a-b/c',
    'a.txt',
    'a/',
    'a/b',
    'a/b/c',
    'a/é',
    'a0',
    'b/\uFF5E',
    'b/\u{1F600}',
    'z/z/z/z',
  ]
    .filter((key) => !key.endsWith('/'))
    .sort(compareUtf8);

  it.each([1, 2, 3, 1_000])('are complete and in byte order with pages of %i', async (pageSize) => {
    for (const key of KEYS) await put(key, 'x');
    expect(await keysBelow('', pageSize)).toEqual(KEYS);
    for (const prefix of ['a', 'a/', 'a/b', 'b', 'b/', 'z/z', 'nothing', 'a/b/c/d/']) {
      expect(await keysBelow(prefix, pageSize)).toEqual(KEYS.filter((key) => key.startsWith(prefix)));
    }
  });

  it('read a folder that is larger than what they hold at once, and see what changes in it', async () => {
    const keys = Array.from({ length: 17_000 }, (_, at) => `big/${String(at).padStart(5, '0')}`);
    await mkdir(join(bucket, 'big'), { recursive: true });
    for (const key of keys) writeFileSync(join(bucket, key), '');
    // As if nothing had changed for an hour: windows of the folder are kept from now on.
    await utimes(join(bucket, 'big'), NOW / 1_000 - 3_600, NOW / 1_000 - 3_600);
    expect(await keysBelow('big/')).toEqual(keys);
    expect(await keysBelow('big/1')).toEqual(keys.filter((key) => key.startsWith('big/1')));
    await put('big/00000/x', 'x');
    await put('big/10000x', 'x');
    await storage.delete('big/10001');
    const expected = [...keys, 'big/00000/x', 'big/10000x']
      .filter((key) => key !== 'big/10001')
      .sort(compareUtf8);
    expect(await keysBelow('big/100')).toEqual(expected.filter((key) => key.startsWith('big/100')));
    await utimes(join(bucket, 'big'), NOW / 1_000 - 1_800, NOW / 1_000 - 1_800);
    expect(await keysBelow('big/')).toEqual(expected);
  }, 60_000);

  it('make the folder of a new bucket, and fail when the root is absent or the folder vanished', async () => {
    expect(await storage.listPage({ prefix: '' })).toEqual({ objects: [], nextCursor: undefined });
    await rm(bucket, { recursive: true });
    await expect(storage.listPage({ prefix: '' })).rejects.toMatchObject({ code: 'bucket_not_found' });
    const elsewhere = localDisk.connect(
      { bucket_name: 'demo' },
      { ...context, localDiskRoot: join(root, 'not-mounted') },
    );
    await expect(elsewhere.listPage({ prefix: '' })).rejects.toMatchObject({ code: 'bucket_not_found' });
    await expect(elsewhere.get('k')).rejects.toMatchObject({ code: 'bucket_not_found' });
    await expect(elsewhere.delete('k')).rejects.toMatchObject({ code: 'bucket_not_found' });
    await expect(elsewhere.put('k', Buffer.alloc(0), { sizeBytes: 0 })).rejects.toMatchObject({
      code: 'bucket_not_found',
    });
  });

  it('show nothing outside of the bucket, whatever the prefix', async () => {
    await writeFile(join(root, 'secret'), 'x');
    await put('k', 'x');
    for (const prefix of ['../', '../secret', '/', '//', './', 'a/../../', '.stowage/', '\0/']) {
      expect(await keysBelow(prefix)).toEqual([]);
    }
  });
});

describe('links and other things in a bucket', () => {
  beforeEach(async () => {
    await put('k', 'x');
    await mkdir(join(root, 'outside'));
    await writeFile(join(root, 'outside/secret'), 'secret');
    await symlink(join(root, 'outside'), join(bucket, 'folder-link'));
    await symlink(join(root, 'outside/secret'), join(bucket, 'file-link'));
    await symlink('/dev/zero', join(bucket, 'device-link'));
  });

  it('are not read, listed or deleted', async () => {
    for (const key of ['folder-link/secret', 'file-link', 'device-link']) {
      await expect(storage.get(key)).rejects.toMatchObject({ code: 'object_not_found' });
      await expect(storage.head(key)).rejects.toMatchObject({ code: 'object_not_found' });
      await storage.delete(key);
    }
    expect(await keysBelow('')).toEqual(['k']);
    expect(await readFile(join(root, 'outside/secret'), 'utf8')).toBe('secret');
  });

  it('are not written through', async () => {
    await put('folder-link/secret', 'mine');
    await put('file-link', 'mine');
    expect(await readFile(join(root, 'outside/secret'), 'utf8')).toBe('secret');
    expect(await readdir(join(root, 'outside'))).toEqual(['secret']);
    expect(await read('folder-link/secret')).toBe('mine');
  });

  it('are no bucket', async () => {
    await symlink(join(root, 'outside'), join(root, 'linked'));
    const linked = localDisk.connect({ bucket_name: 'linked' }, context);
    await expect(linked.listPage({ prefix: '' })).rejects.toMatchObject({ code: 'bucket_not_found' });
    await expect(linked.get('secret')).rejects.toMatchObject({ code: 'bucket_not_found' });
  });

  it.each(['..', '.', '', 'a/b', 'a\\b', '.hidden', 'a\0', '../demo', 'x'.repeat(64)])(
    'cannot be reached by the bucket name %j',
    (bucket_name) => {
      if (bucket_name === 'a/b') return expect(() => openLocalBucket('a/b/c', context)).toThrow();
      expect(() => localDisk.connect({ bucket_name }, context)).toThrow(
        expect.objectContaining({ name: 'StorageError' }),
      );
    },
  );

  it.each(['../secret', 'a/../../secret', '/etc/passwd', 'a//b', '.', 'a\\b', 'a\0b'])(
    'cannot be reached by the key %j',
    async (key) => {
      const calls = [storage.get(key), storage.head(key), storage.delete(key), put(key, 'x')];
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { providerCode: 'INVALID_OBJECT_KEY' } });
      }
    },
  );

  it('refuse a name that no file can have', async () => {
    const long = `${'é'.repeat(128)}/x`;
    await expect(put(long, 'x')).rejects.toMatchObject({
      code: 'provider_error',
      providerCode: 'ENAMETOOLONG',
    });
    await expect(storage.get(long)).rejects.toMatchObject({ code: 'object_not_found' });
    expect(await tempFiles()).toEqual([]);
  });
});

describe('tenants of local_disk', () => {
  it('never share a folder of the same name', async () => {
    const of = (tenant: string) => localDisk.connect({ bucket_name: 'demo' }, { ...context, tenant });
    await of('1').put('k', Buffer.from('one'), { sizeBytes: 3 });
    await expect(of('2').get('k')).rejects.toMatchObject({ code: 'object_not_found' });
    expect(await readFile(join(root, '1/demo/k'), 'utf8')).toBe('one');
    const again = openLocalBucket('1/demo', context);
    expect(await again.head('k')).toMatchObject({ sizeBytes: 3 });
    expect(() => localDisk.connect({ bucket_name: 'demo' }, { ...context, tenant: '../2' })).toThrow();
  });

  it('have signed URLs that name tenant, folder and key', async () => {
    const localDiskUrls = createLocalDiskUrls({
      secrets: [Buffer.alloc(32)],
      baseUrl: 'http://x',
      now: () => NOW,
    });
    const signing = localDisk.connect({ bucket_name: 'demo' }, { ...context, tenant: '1', localDiskUrls });
    const { url } = await signing.signedUrls!.signGet('k', { expiresInSeconds: 60 });
    expect(localDiskUrls.verify('GET', url.split('/').at(-1)!)).toMatchObject({
      ok: true,
      grant: { bucketPath: '1/demo', key: 'k', tenant: '1' },
    });
    await expect(signing.signedUrls!.signGet('../k', { expiresInSeconds: 60 })).rejects.toMatchObject({
      providerCode: 'INVALID_OBJECT_KEY',
    });
    expect(storage.signedUrls).toBeUndefined();
  });
});

describe('multipart uploads of local_disk', () => {
  const part = (uploadId: string, number: number, text: string) =>
    storage.multipart!.uploadPart('m', uploadId, number, Buffer.from(text), { sizeBytes: text.length });

  it('become one object in the order of their parts, which nobody sees before', async () => {
    const multipart = storage.multipart!;
    const { uploadId } = await multipart.create('m', {});
    const parts = [
      await part(uploadId, 2, 'world'),
      await part(uploadId, 1, 'old'),
      await part(uploadId, 1, 'hello '),
    ];
    expect(await keysBelow('')).toEqual([]);
    expect(await multipart.listUnfinished!('m')).toEqual([{ key: 'm', uploadId, startedAt: new Date(NOW) }]);
    expect(await multipart.listUnfinished!('n')).toEqual([]);
    const stale = [parts[0]!, parts[1]!];
    await expect(multipart.complete('m', uploadId, stale, {})).rejects.toMatchObject({ code: 'integrity' });
    const { etag } = await multipart.complete('m', uploadId, [parts[0]!, parts[2]!], { createOnly: true });
    expect(await read('m')).toBe('hello world');
    expect(await storage.head('m')).toMatchObject({ etag, sizeBytes: 11 });
    expect(await multipart.listUnfinished!('')).toEqual([]);
    await expect(part(uploadId, 3, 'x')).rejects.toMatchObject({ code: 'object_not_found' });
  });

  it('respect create-only and can be completed elsewise after a conflict', async () => {
    const multipart = storage.multipart!;
    const { uploadId } = await multipart.create('m', {});
    const only = await part(uploadId, 1, 'new');
    await put('m', 'old');
    await expect(multipart.complete('m', uploadId, [only], { createOnly: true })).rejects.toMatchObject({
      code: 'conflict',
    });
    await multipart.complete('m', uploadId, [only], {});
    expect(await read('m')).toBe('new');
    expect(await tempFiles()).toEqual([]);
  });

  it('are gone after abort, which takes no other key’s and no invented upload', async () => {
    const multipart = storage.multipart!;
    const { uploadId } = await multipart.create('m', {});
    await multipart.abort('other', uploadId);
    expect(await multipart.listUnfinished!('')).toHaveLength(1);
    await multipart.abort('m', uploadId);
    await multipart.abort('m', uploadId);
    await multipart.abort('m', '../../..');
    expect(await multipart.listUnfinished!('')).toEqual([]);
    await expect(multipart.complete('m', uploadId, [], {})).rejects.toMatchObject({
      code: 'object_not_found',
    });
    await expect(part('../tmp', 1, 'x')).rejects.toMatchObject({ code: 'object_not_found' });
  });
});

describe('what crashes leave behind', () => {
  it('is swept after a day and not before', async () => {
    await mkdir(join(bucket, '.stowage/tmp'), { recursive: true });
    const age = async (name: string, hours: number) => {
      const path = join(bucket, '.stowage/tmp', name);
      await writeFile(path, 'x');
      await utimes(path, NOW / 1_000, NOW / 1_000 - hours * 3_600);
    };
    await age('old', 25);
    await age('young', 23);
    await put('k', 'x');
    expect(await tempFiles()).toEqual(['young']);
  });
});
