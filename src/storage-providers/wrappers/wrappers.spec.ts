import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { ScriptedStorage } from '../../../test/support/scripted-storage.js';
import { StorageError } from '../storage-errors.js';
import type { ObjectStorage } from '../storage-provider.js';
import { strictList } from '../strict-list.js';
import { logged, type StorageLogEntry } from './logged.js';
import { prefixed } from './prefixed.js';
import { readOnly } from './read-only.js';
import { retrying } from './retrying.js';
import { throttled } from './throttled.js';
import { type SignedUrlEntry, toldSigning } from './told-signing.js';

const WRAPPERS: Readonly<Record<string, (storage: ObjectStorage) => ObjectStorage>> = {
  prefixed: (storage) => prefixed(storage, 'p/'),
  readOnly,
  logged: (storage) => logged(storage, () => undefined),
  retrying: (storage) => retrying(storage),
  toldSigning: (storage) => toldSigning(storage, () => undefined),
  throttled: (storage) => throttled(storage, { maxConcurrent: 1, maxQueued: 1 }),
};

describe.each(Object.entries(WRAPPERS))('%s', (name, wrap) => {
  it('keeps what the storage is, and closes it', async () => {
    const inner = new ScriptedStorage();
    const storage = wrap(inner);
    const { provider, capabilities, maxPutBytes } = inner;
    expect(storage).toMatchObject({ provider, capabilities, maxPutBytes });
    await storage.close();
    expect(inner.calls).toEqual(['close']);
  });

  it('invents no capability', () => {
    const bare = wrap(new ScriptedStorage().without('multipart', 'copies', 'signedUrls'));
    expect(bare).not.toHaveProperty('multipart');
    expect(bare).not.toHaveProperty('copies');
    expect(bare).not.toHaveProperty('signedUrls');
    const silent = wrap(new ScriptedStorage().without('listUnfinished'));
    expect(silent.multipart ?? {}).not.toHaveProperty('listUnfinished');
  });

  it('loses no capability, but writing where it is forbidden', () => {
    const storage = wrap(new ScriptedStorage());
    expect(storage).toHaveProperty('signedUrls');
    if (name === 'readOnly') {
      expect(storage).not.toHaveProperty('multipart');
      expect(storage).not.toHaveProperty('copies');
    } else {
      expect(storage).toHaveProperty('copies.copyPart');
      expect(storage).toMatchObject({ copies: { maxCopyBytes: 1_000 } });
      expect(storage).toHaveProperty('multipart.listUnfinished');
      expect(storage).toHaveProperty('signedUrls.signPart');
    }
  });
});

describe('prefixed', () => {
  const inner = () =>
    new ScriptedStorage().store('other', 'x').store('p/', '').store('p/a', 'abc').store('p/b/c', 'd');

  it('is a storage of its own', async () => {
    const storage = prefixed(inner(), 'p/');
    await storage.put('new', Buffer.from('n'), { sizeBytes: 1 });
    expect((await buffer((await storage.get('a')).body)).toString()).toBe('abc');
    expect(await storage.head('a')).toMatchObject({ key: 'a', sizeBytes: 3 });
    const keys: string[] = [];
    for await (const { key } of strictList(storage, { prefix: '' })) keys.push(key);
    expect(keys).toEqual(['a', 'b/c', 'new']);
    expect((await storage.listPage({ prefix: 'b/' })).objects.map(({ key }) => key)).toEqual(['b/c']);
    expect(storage.urlOf('a')).toBe('test://p/a');
    await storage.delete('a');
    await expect(storage.head('a')).rejects.toMatchObject({ code: 'object_not_found' });
  });

  it('hands every call on with the whole key', async () => {
    const whole = inner();
    const { multipart, signedUrls } = prefixed(whole, 'p/');
    await multipart?.create('k', {});
    await multipart?.uploadPart('k', 'u', 1, Buffer.from('x'), { sizeBytes: 1 });
    await multipart?.complete('k', 'u', [], {});
    await multipart?.abort('k', 'u');
    expect(await multipart?.listUnfinished?.('k')).toEqual([
      { key: 'k1', uploadId: 'u', startedAt: new Date(0) },
    ]);
    expect(await multipart?.listParts('k', 'u')).toHaveLength(1);
    const part = { partNumber: 2, expiresInSeconds: 1, sizeBytes: 1 };
    expect((await signedUrls?.signPart?.('k', 'u', part))?.url).toBe('test://p/k?u&2');
    expect((await signedUrls?.signGet('k', { expiresInSeconds: 1 }))?.url).toBe('test://p/k');
    expect((await signedUrls?.signPut('k', { expiresInSeconds: 1, sizeBytes: 1 }))?.url).toBe('test://p/k');
    expect(whole.calls).toEqual([
      'create p/k',
      'uploadPart p/k',
      'complete p/k',
      'abort p/k',
      'listUnfinished p/k',
      'listParts p/k',
    ]);
  });

  it('copies inside only', async () => {
    const whole = inner();
    const copies = prefixed(whole, 'p/').copies!;
    await copies.copy('a', 'k', { sizeBytes: 3 });
    const range = { start: 0, end: 1 };
    await copies.copyPart!('a', 'k', { uploadId: 'u', partNumber: 1, range, sourceEtag: 'e' });
    expect(whole.calls).toEqual(['copy p/a p/k', 'copyPart p/a p/k']);
  });

  it('does not make a foreign key look like its own', async () => {
    const lying = inner();
    lying.listPage = async () => ({
      objects: [{ key: 'q/evil', sizeBytes: 1, etag: 'e', lastModified: new Date(0) }],
    });
    await expect(prefixed(lying, 'p/').listPage({ prefix: '' })).rejects.toMatchObject({
      providerCode: 'PROVIDER_PROTOCOL_ERROR',
    });
  });

  it('takes no prefix that is also the beginning of a sibling', () => {
    expect(() => prefixed(inner(), 'p')).toThrow(RangeError);
  });
});

describe('readOnly', () => {
  it('reads, and refuses to write', async () => {
    const inner = new ScriptedStorage().store('k', 'abc');
    const storage = readOnly(inner);
    expect((await buffer((await storage.get('k')).body)).toString()).toBe('abc');
    const refused = { code: 'access_denied', providerCode: 'READ_ONLY', retryable: false };
    await expect(storage.put('k', Buffer.from('x'), { sizeBytes: 1 })).rejects.toMatchObject(refused);
    await expect(storage.delete('k')).rejects.toMatchObject(refused);
    await expect(
      storage.signedUrls?.signPut('k', { expiresInSeconds: 1, sizeBytes: 1 }),
    ).rejects.toMatchObject(refused);
    await expect(storage.signedUrls?.signGet('k', { expiresInSeconds: 1 })).resolves.toBeDefined();
    expect(inner.calls).toEqual(['get k']);
  });
});

describe('logged', () => {
  it('tells how each call ended, but no name', async () => {
    const entries: StorageLogEntry[] = [];
    const storage = logged(new ScriptedStorage(), (entry) => entries.push(entry));
    await storage.put('secret-name.pdf', Buffer.from('abc'), { sizeBytes: 3 });
    await storage.head('missing').catch(() => undefined);
    expect(entries).toMatchObject([
      { provider: 's3_compatible', operation: 'put', keyBytes: 15, sizeBytes: 3, outcome: 'ok' },
      {
        operation: 'head',
        keyBytes: 7,
        outcome: 'object_not_found',
        providerCode: 'NoSuchKey',
        httpStatus: 404,
      },
    ]);
    expect(entries[0]).not.toHaveProperty('receivedBytes');
    await storage.get('secret-name.pdf');
    expect(entries.at(-1)).toMatchObject({ operation: 'get', receivedBytes: 3 });
    expect(entries.every(({ latencyMs, keyHash }) => latencyMs >= 0 && /^[0-9a-f]{16}$/.test(keyHash))).toBe(
      true,
    );
    expect(JSON.stringify(entries)).not.toMatch(/secret-name|missing/);
  });

  it('changes neither result nor error', async () => {
    const storage = logged(new ScriptedStorage().store('k', 'abc'), () => undefined);
    expect(await storage.head('k')).toMatchObject({ key: 'k', sizeBytes: 3 });
    await expect(storage.head('missing')).rejects.toBeInstanceOf(StorageError);
  });
});

describe('toldSigning', () => {
  it('tells of every URL with the bytes that it is good for', async () => {
    const entries: SignedUrlEntry[] = [];
    const { signedUrls } = toldSigning(new ScriptedStorage(), (entry) => entries.push(entry));
    await signedUrls!.signGet('k', { expiresInSeconds: 1, objectBytes: 9 });
    await signedUrls!.signGet('k', { expiresInSeconds: 1 });
    await signedUrls!.signPut('k', { expiresInSeconds: 1, sizeBytes: 7 });
    expect(entries).toEqual([
      { method: 'GET', sizeBytes: 9 },
      { method: 'GET', sizeBytes: undefined },
      { method: 'PUT', sizeBytes: 7 },
    ]);
  });
});
