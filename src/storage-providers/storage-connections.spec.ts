import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { StorageConnections } from './storage-connections.js';
import type { ObjectStorage } from './storage-provider.js';

/** Records what happens to it; a call ends when the test says so. */
class RecordedStorage implements ObjectStorage {
  readonly provider = 'local_disk';
  readonly capabilities = { createOnly: true, contentBound: 'none' } as const;
  readonly maxPutBytes = 10;
  readonly multipart = {
    minPartBytes: 1,
    maxPartBytes: 2,
    maxParts: 3,
    create: async () => ({ uploadId: 'u' }),
    uploadPart: async () => ({ partNumber: 1, etag: 'e', sizeBytes: 1 }),
    complete: async () => ({ etag: 'e' }),
    abort: async () => undefined,
    listParts: async () => [],
  };
  closed = false;
  finish: () => void = () => undefined;
  body = new Readable({ read: () => undefined });

  put() {
    if (this.closed) throw new Error('used after close');
    return new Promise<{ etag: string }>((resolve) => (this.finish = () => resolve({ etag: 'e' })));
  }

  async get() {
    const described = {
      sizeBytes: 1,
      totalBytes: 1,
      etag: 'e',
      contentType: undefined,
      lastModified: new Date(0),
    };
    return { body: this.body, ...described };
  }

  async head(): Promise<never> {
    throw new Error('no such object');
  }

  async delete() {}

  async listPage() {
    return { objects: [] };
  }

  urlOf(key: string) {
    return `file://${key}`;
  }

  async close() {
    this.closed = true;
  }
}

describe('storage connections', () => {
  let opened: RecordedStorage[];
  let connections: StorageConnections;
  const open = (): ObjectStorage => {
    opened.push(new RecordedStorage());
    return opened.at(-1)!;
  };

  beforeEach(() => {
    opened = [];
    connections = new StorageConnections(2);
  });

  it('opens a configuration once', () => {
    const first = connections.storageOf('1', 'a', open);
    expect(connections.storageOf('1', 'a', open)).toBe(first);
    expect(opened).toHaveLength(1);
  });

  it('replaces it when it changed, and closes the old one', () => {
    connections.storageOf('1', 'a', open);
    connections.storageOf('1', 'b', open);
    expect(opened.map((storage) => storage.closed)).toEqual([true, false]);
  });

  it('keeps a bounded number open and closes the least recently used', () => {
    connections.storageOf('1', 'a', open);
    connections.storageOf('2', 'a', open);
    connections.storageOf('1', 'a', open);
    connections.storageOf('3', 'a', open);
    expect(opened.map((storage) => storage.closed)).toEqual([false, true, false]);
  });

  it('waits for a call under way before it closes', async () => {
    const storage = connections.storageOf('1', 'a', open);
    const put = storage.put('k', new Uint8Array(1), { sizeBytes: 1 });
    connections.forget('1');
    expect(opened[0]!.closed).toBe(false);
    opened[0]!.finish();
    await put;
    expect(opened[0]!.closed).toBe(true);
  });

  it('waits for a body that is still being read', async () => {
    const content = await connections.storageOf('1', 'a', open).get('k');
    connections.closeAll();
    expect(opened[0]!.closed).toBe(false);
    const closed = new Promise((resolve) => content.body.once('close', resolve));
    content.body.destroy();
    await closed;
    expect(opened[0]!.closed).toBe(true);
  });

  it('counts a failed call as ended', async () => {
    const storage = connections.storageOf('1', 'a', open);
    await expect(storage.head('k')).rejects.toThrow('no such object');
    connections.forget('1');
    expect(opened[0]!.closed).toBe(true);
  });

  it('opens again for whoever still works on a forgotten one, and closes behind them', async () => {
    const storage = connections.storageOf('1', 'a', open);
    connections.forget('1');
    const put = storage.put('k', new Uint8Array(1), { sizeBytes: 1 });
    expect(opened.map((one) => one.closed)).toEqual([true, false]);
    opened[1]!.finish();
    await put;
    expect(opened[1]!.closed).toBe(true);
  });

  it('shows the capabilities and optional members of what it opened, and no others', async () => {
    const storage = connections.storageOf('1', 'a', open);
    expect(storage).toMatchObject({ provider: 'local_disk', maxPutBytes: 10, multipart: { maxParts: 3 } });
    expect(storage.multipart).not.toHaveProperty('listUnfinished');
    expect(storage.signedUrls).toBeUndefined();
    expect(await storage.multipart!.create('k', {})).toEqual({ uploadId: 'u' });
    expect(storage.urlOf('k')).toBe('file://k');
  });
});
