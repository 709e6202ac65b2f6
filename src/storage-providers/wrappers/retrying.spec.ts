import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { ScriptedStorage } from '../../../test/support/scripted-storage.js';
import { StorageError, type StorageErrorCode, type StorageErrorDetails } from '../storage-errors.js';
import { RetryBudget } from './retry-budget.js';
import { retrying, type RetryOptions } from './retrying.js';

const failure = (code: StorageErrorCode, details: Partial<StorageErrorDetails> = {}) =>
  new StorageError(code, code, { operation: 'put', hint: '', retryable: true, ...details });
const busy = (details: Partial<StorageErrorDetails> = {}) =>
  failure('storage_rate_limited', { httpStatus: 503, ...details });
const cut = () => failure('endpoint_unreachable', { providerCode: 'ECONNRESET' });
const md5 = (text: string) => createHash('md5').update(text).digest('hex');

/** Retries without waiting, and tells how long it would have waited. */
function impatient(storage: ScriptedStorage, options: RetryOptions = {}) {
  const pausesMs: number[] = [];
  const sleep = async (ms: number) => void pausesMs.push(ms);
  return { storage: retrying(storage, { sleep, random: () => 1, ...options }), pausesMs };
}

const body = Buffer.from('abc');
const put = { sizeBytes: 3 };

describe('retrying', () => {
  it('tries again with growing pauses until it succeeds', async () => {
    const inner = new ScriptedStorage().failNext('put', busy(), busy(), cut());
    const { storage, pausesMs } = impatient(inner);
    await expect(storage.put('k', body, put)).resolves.toEqual({ etag: md5('abc') });
    expect(pausesMs).toEqual([250, 500, 1_000]);
    expect(inner.calls).toEqual(['put k', 'put k', 'put k', 'put k']);
  });

  it('draws each pause between nothing and its ceiling of 20 seconds', async () => {
    const inner = new ScriptedStorage().failNext('head', ...Array.from({ length: 9 }, () => busy()));
    const { storage, pausesMs } = impatient(inner, { maxTries: 10, random: () => 0.5 });
    await expect(storage.head('k')).rejects.toMatchObject({ code: 'object_not_found' });
    expect(pausesMs).toEqual([125, 250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it('gives the last error when all tries have failed', async () => {
    const inner = new ScriptedStorage().failNext('head', ...Array.from({ length: 9 }, () => busy()));
    const { storage } = impatient(inner, { maxTries: 3 });
    await expect(storage.head('k')).rejects.toMatchObject({ code: 'storage_rate_limited' });
    expect(inner.calls).toHaveLength(3);
  });

  it('never repeats what cannot succeed', async () => {
    const inner = new ScriptedStorage().failNext('put', failure('access_denied', { retryable: false }));
    const { storage } = impatient(inner);
    await expect(storage.put('k', body, put)).rejects.toMatchObject({ code: 'access_denied' });
    inner.failNext('put', new Error('not a StorageError') as StorageError);
    await expect(storage.put('k', body, put)).rejects.toThrow('not a StorageError');
    expect(inner.calls).toHaveLength(2);
  });

  it('sends damaged bytes once more only', async () => {
    const damage = () => failure('integrity', { httpStatus: 400 });
    const inner = new ScriptedStorage().failNext('put', damage(), damage());
    await expect(impatient(inner).storage.put('k', body, put)).rejects.toMatchObject({ code: 'integrity' });
    expect(inner.calls).toHaveLength(2);
  });

  it('waits as long as the provider asks, but not beyond its own limit', async () => {
    const inner = new ScriptedStorage().failNext(
      'head',
      busy({ retryAfterMs: 7_000 }),
      busy({ retryAfterMs: 70_000 }),
    );
    const { storage, pausesMs } = impatient(inner, { maxElapsedMs: 60_000 });
    await expect(storage.head('k')).rejects.toMatchObject({ retryAfterMs: 70_000 });
    expect(pausesMs).toEqual([7_000]);
  });

  it('never sends a stream twice that was read from, but one that was not', async () => {
    const inner = new ScriptedStorage().failNext('put', busy());
    const read = Readable.from([body]);
    read.once('data', () => read.pause());
    await new Promise((resolve) => read.once('pause', resolve));
    await expect(impatient(inner).storage.put('k', read, put)).rejects.toMatchObject({
      code: 'storage_rate_limited',
    });
    expect(inner.calls).toHaveLength(1);

    inner.failNext('put', busy());
    await expect(impatient(inner).storage.put('k', Readable.from([body]), put)).resolves.toBeDefined();
    expect(inner.calls).toHaveLength(3);
  });

  it('ends when it is aborted in a pause', async () => {
    const controller = new AbortController();
    const inner = new ScriptedStorage().failNext('head', busy());
    const storage = retrying(inner, { random: () => 1 });
    const call = storage.head('k', { signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await expect(call).rejects.toMatchObject({ code: 'aborted', operation: 'head' });
    expect(inner.calls).toHaveLength(1);
  });

  it('does not storm a broken provider: retries are a tenth of the calls once the reserve is spent', async () => {
    const inner = new ScriptedStorage();
    const { storage } = impatient(inner, { budget: new RetryBudget(3), maxTries: 5 });
    for (let call = 0; call < 100; call += 1) {
      inner.failNext('head', ...Array.from({ length: 5 }, () => busy()));
      await storage.head('k').catch(() => undefined);
      inner.failNext('head');
    }
    expect(inner.calls.length - 100).toBeGreaterThanOrEqual(10);
    expect(inner.calls.length - 100).toBeLessThanOrEqual(13);
  });
});

describe('a write whose answer was lost', () => {
  it('is settled by the object when the retry meets it', async () => {
    const inner = new ScriptedStorage().loseAnswerOf('put', cut());
    const { storage } = impatient(inner);
    const call = storage.put('k', body, { ...put, createOnly: true });
    await expect(call).resolves.toEqual({ etag: md5('abc') });
    expect(inner.calls).toEqual(['put k', 'put k', 'head k']);
  });

  it('stays a conflict when the object is another one', async () => {
    const inner = new ScriptedStorage().store('k', 'xyz').failNext('put', cut());
    const call = impatient(inner).storage.put('k', body, { ...put, createOnly: true });
    await expect(call).rejects.toMatchObject({ code: 'conflict' });
  });

  it('is settled for a stream when its MD5 was known', async () => {
    const stream = () => Readable.from([body]);
    const inner = new ScriptedStorage().loseAnswerOf('put', cut());
    const known = { ...put, md5: Buffer.from(md5('abc'), 'hex') };
    await expect(impatient(inner).storage.put('k', stream(), known)).resolves.toEqual({ etag: md5('abc') });
    inner.loseAnswerOf('put', cut());
    await expect(impatient(inner).storage.put('k', stream(), put)).rejects.toMatchObject({
      code: 'endpoint_unreachable',
    });
  });

  it('is not looked for when the request never left', async () => {
    const refused = () => failure('endpoint_unreachable', { providerCode: 'ECONNREFUSED' });
    const inner = new ScriptedStorage().failNext('put', refused(), refused());
    await expect(impatient(inner, { maxTries: 2 }).storage.put('k', body, put)).rejects.toMatchObject({
      providerCode: 'ECONNREFUSED',
    });
    expect(inner.calls).toEqual(['put k', 'put k']);
  });

  it('is settled for a finished upload by size and ETag', async () => {
    const parts = ['abc', 'de'].map((text, index) => ({
      partNumber: index + 1,
      etag: md5(text),
      sizeBytes: text.length,
    }));
    const etag = `${createHash('md5')
      .update(Buffer.from(md5('abc') + md5('de'), 'hex'))
      .digest('hex')}-2`;
    const inner = new ScriptedStorage().store('k', 'abcde', etag).failNext('complete', cut());
    inner.failNext(
      'complete',
      cut(),
      failure('object_not_found', { retryable: false, providerCode: 'NoSuchUpload' }),
    );
    const { storage } = impatient(inner);
    await expect(storage.multipart?.complete('k', 'u', parts, {})).resolves.toEqual({ etag });
    inner
      .store('k', 'abcde', 'another-2')
      .failNext('complete', cut(), failure('object_not_found', { retryable: false }));
    await expect(storage.multipart?.complete('k', 'u', parts, {})).rejects.toMatchObject({
      code: 'object_not_found',
    });
  });
});
