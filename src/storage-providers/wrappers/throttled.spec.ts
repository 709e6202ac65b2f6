import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { ScriptedStorage } from '../../../test/support/scripted-storage.js';
import { throttled } from './throttled.js';

/** Settles after everything that is due now has run. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('throttled', () => {
  it('lets so many calls run at once, and the others in their order', async () => {
    const inner = new ScriptedStorage();
    const release = inner.hold();
    const storage = throttled(inner, { maxConcurrent: 2, maxQueued: 10 });
    const calls = ['a', 'b', 'c', 'd'].map((key) => storage.delete(key));
    await turn();
    expect(inner.calls).toEqual(['delete a', 'delete b']);
    release();
    await Promise.all(calls);
    expect(inner.calls).toEqual(['delete a', 'delete b', 'delete c', 'delete d']);
    expect(inner.mostAtOnce).toBe(2);
  });

  it('refuses more than may wait', async () => {
    const inner = new ScriptedStorage();
    const release = inner.hold();
    const storage = throttled(inner, { maxConcurrent: 1, maxQueued: 1 });
    const first = storage.delete('a');
    const second = storage.delete('b');
    await expect(storage.delete('c')).rejects.toMatchObject({
      code: 'storage_rate_limited',
      retryable: true,
      providerCode: 'QUEUE_FULL',
    });
    release();
    await Promise.all([first, second]);
    await expect(storage.delete('d')).resolves.toBeUndefined();
  });

  it('forgets who stops waiting', async () => {
    const inner = new ScriptedStorage();
    const release = inner.hold();
    const storage = throttled(inner, { maxConcurrent: 1, maxQueued: 1 });
    const controller = new AbortController();
    const first = storage.delete('a');
    const waiting = storage.delete('b', { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    await expect(storage.delete('x', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
    release();
    await first;
    await storage.delete('c');
    expect(inner.calls).toEqual(['delete a', 'delete c']);
  });

  it('gives the turn back when a call fails', async () => {
    const storage = throttled(new ScriptedStorage(), { maxConcurrent: 1, maxQueued: 0 });
    for (let call = 0; call < 3; call += 1) {
      await expect(storage.head('missing')).rejects.toMatchObject({ code: 'object_not_found' });
    }
  });

  it('counts a read until its body is closed', async () => {
    const inner = new ScriptedStorage().store('k', 'abc');
    const storage = throttled(inner, { maxConcurrent: 1, maxQueued: 1 });
    const { body } = await storage.get('k');
    const next = storage.delete('other');
    await turn();
    expect(inner.calls).toEqual(['get k']);
    expect((await buffer(body)).toString()).toBe('abc');
    await next;

    const abandoned = await storage.get('k');
    abandoned.body.destroy();
    await once(abandoned.body, 'close');
    await storage.delete('other');
  });

  it.each([
    ['a stream', () => Readable.from(Array.from({ length: 10 }, () => Buffer.alloc(1_000)))],
    ['buffers', () => Buffer.alloc(10_000)],
  ])('spreads %s over time, in both directions', async (_what, body) => {
    const inner = new ScriptedStorage();
    const storage = throttled(inner, { maxConcurrent: 9, maxQueued: 0, bytesPerSecond: 100_000 });
    const startedMs = performance.now();
    await storage.put('a', body(), { sizeBytes: 10_000 });
    await storage.put('b', body(), { sizeBytes: 10_000 });
    const content = await storage.get('a');
    expect((await buffer(content.body)).length).toBe(10_000);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(180);
  });

  it('passes a broken body on', async () => {
    const storage = throttled(new ScriptedStorage(), { maxConcurrent: 1, maxQueued: 0, bytesPerSecond: 1e9 });
    const broken = new Readable({ read: () => undefined });
    const put = storage.put('k', broken, { sizeBytes: 3 });
    broken.destroy(new Error('client went away'));
    await expect(put).rejects.toThrow('client went away');
    await expect(storage.delete('k')).resolves.toBeUndefined();
  });
});
