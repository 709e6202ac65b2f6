import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { expectSameBytes } from '../../support/same-bytes.js';
import {
  collect,
  failure,
  failureCode,
  freshPrefix,
  MIB,
  putText,
  read,
  someBytes,
  typeOf,
  type ContractStore,
} from './contract-store.js';

export function describeGet(open: () => ContractStore): void {
  describe('get', () => {
    it('tells size, type, tag and time with the bytes', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      const before = Date.now();
      const { etag } = await putText(storage, key, 'hello', { contentType: 'text/plain' });
      const { body, lastModified, ...content } = await storage.get(key);
      body.destroy();
      expect(content).toMatchObject({
        sizeBytes: 5,
        totalBytes: 5,
        etag,
        contentType: typeOf(open(), 'text/plain'),
      });
      // HTTP dates are whole seconds.
      expect(lastModified.getTime()).toBeGreaterThanOrEqual(before - 1000);
      expect(lastModified.getTime()).toBeLessThanOrEqual(Date.now() + 1000);
    });

    it('says what is not there', async () => {
      const { storage } = open();
      const error = await failure(storage.get(`${freshPrefix()}never-was`));
      expect(error).toMatchObject({ code: 'object_not_found', operation: 'get', retryable: false });
    });

    for (const [start, end, expected] of [
      [0, 0, '0'],
      [2, 4, '234'],
      [9, 9, '9'],
      [8, 99, '89'],
      [0, 9, '0123456789'],
    ] as const) {
      it(`serves bytes ${start} to ${end}`, async () => {
        const { storage } = open();
        const key = `${freshPrefix()}file`;
        await putText(storage, key, '0123456789');
        const content = await storage.get(key, { range: { start, end } });
        expect(content).toMatchObject({ sizeBytes: expected.length, totalBytes: 10 });
        expect((await collect(content)).toString()).toBe(expected);
      });
    }

    it('refuses a range beyond the object instead of answering nothing', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      await putText(storage, key, '0123456789');
      const error = await failure(storage.get(key, { range: { start: 10, end: 12 } }));
      expect(error).toMatchObject({ operation: 'get', retryable: false });
      expect(error.code).not.toBe('object_not_found');
    });

    it.each([false, true])('serves a range from the middle of a large object, lent: %s', async (lend) => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      const bytes = someBytes(6 * MIB);
      await storage.put(key, bytes, { sizeBytes: bytes.length });
      const range = { start: 3 * MIB - 7, end: 5 * MIB + 7 };
      const content = await storage.get(key, { range, lend });
      expectSameBytes(await collect(content), bytes.subarray(range.start, range.end + 1));
    });

    it('says what is wrong, also when content was to be lent', async () => {
      const { storage } = open();
      const error = await failure(storage.get(`${freshPrefix()}missing`, { lend: true }));
      expect(error).toMatchObject({ code: 'object_not_found', operation: 'get' });
    });

    it.each([false, true])('survives readers that leave early or take their time, lent: %s', async (lend) => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      const bytes = someBytes(4 * MIB);
      await storage.put(key, bytes, { sizeBytes: bytes.length });
      const left = await storage.get(key, { lend });
      for await (const _chunk of left.body) break;
      expect(left.body.destroyed).toBe(true);
      const slow = await storage.get(key, { lend });
      const chunks: Buffer[] = [];
      for await (const chunk of slow.body as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        if (chunks.length % 16 === 0) await sleep(5);
      }
      expectSameBytes(Buffer.concat(chunks), bytes);
    });

    it('serves an empty object', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}empty`;
      await putText(storage, key, '');
      expect((await read(storage, key)).length).toBe(0);
      expect((await storage.head(key)).sizeBytes).toBe(0);
    });
  });

  describe('head and delete', () => {
    it('say what is there, and that nothing is', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      expect(await failureCode(storage.head(key))).toBe('object_not_found');
      await putText(storage, key, 'hello', { contentType: 'text/plain' });
      expect(await storage.head(key)).toMatchObject({
        key,
        sizeBytes: 5,
        contentType: typeOf(open(), 'text/plain'),
      });
      await storage.delete(key);
      expect(await failureCode(storage.head(key))).toBe('object_not_found');
      expect(await failureCode(storage.get(key))).toBe('object_not_found');
    });

    it('delete what is not there without complaint', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}never-was`;
      await storage.delete(key);
      await putText(storage, key, 'x');
      await storage.delete(key);
      await storage.delete(key);
    });

    it('name every object for humans, without a signature', async () => {
      const { storage } = open();
      const url = storage.urlOf('a/b c.txt');
      expect(url).toContain('a/b');
      expect(url).not.toMatch(/[?&](X-|sig=|token=)/i);
    });
  });
}
