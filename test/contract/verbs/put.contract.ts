import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { expectSameBytes } from '../../support/same-bytes.js';
import {
  exists,
  failure,
  failureCode,
  freshPrefix,
  MIB,
  putText,
  read,
  someBytes,
  streamOf,
  typeOf,
  type ContractStore,
} from './contract-store.js';

/** Around what providers, pipes and parts like to cut at. */
const SIZES: ReadonlyArray<readonly [sizeBytes: number, ...Array<'buffer' | 'stream'>]> = [
  [0, 'buffer', 'stream'],
  [1, 'buffer', 'stream'],
  [65_535, 'buffer', 'stream'],
  [65_536, 'buffer', 'stream'],
  [5 * MIB - 1, 'stream'],
  [5 * MIB, 'buffer'],
  [5 * MIB + 1, 'stream'],
];

export function describePut(open: () => ContractStore): void {
  describe('put', () => {
    it('keeps bytes, type, size and tag', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      const bytes = someBytes(100_000);
      const { etag } = await storage.put(key, bytes, { sizeBytes: bytes.length, contentType: 'image/png' });
      expect(etag).toMatch(/^[^"]+$/);
      expectSameBytes(await read(storage, key), bytes);
      expect(await storage.head(key)).toMatchObject({
        key,
        etag,
        sizeBytes: bytes.length,
        contentType: typeOf(open(), 'image/png'),
      });
    });

    for (const [sizeBytes, ...sources] of SIZES) {
      it(`keeps ${sizeBytes} bytes from a ${sources.join(' and a ')}`, async () => {
        const { storage } = open();
        const prefix = freshPrefix();
        const bytes = someBytes(sizeBytes, sizeBytes + 1);
        for (const source of sources) {
          await storage.put(prefix + source, source === 'buffer' ? bytes : streamOf(bytes), { sizeBytes });
          expectSameBytes(await read(storage, prefix + source), bytes);
        }
      });
    }

    it('replaces what was there, whole', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      await putText(storage, key, 'the first, which is longer');
      const { etag } = await putText(storage, key, 'the second');
      expect((await read(storage, key)).toString()).toBe('the second');
      expect((await storage.head(key)).etag).toBe(etag);
    });

    for (const [name, realBytes] of [
      ['shorter', 99_999],
      ['longer', 100_001],
      ['empty', 0],
    ] as const) {
      it(`refuses a body that is ${name} than said, and stores nothing`, async () => {
        const { storage } = open();
        const prefix = freshPrefix();
        const options = { sizeBytes: 100_000 };
        expect(await failureCode(storage.put(`${prefix}s`, streamOf(someBytes(realBytes)), options))).toBe(
          'integrity',
        );
        expect(await failureCode(storage.put(`${prefix}b`, someBytes(realBytes), options))).toBe('integrity');
        expect(await exists(storage, `${prefix}s`)).toBe(false);
        expect(await exists(storage, `${prefix}b`)).toBe(false);
      });
    }

    it('refuses bytes where none were said', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      expect(await failureCode(storage.put(key, streamOf(someBytes(1)), { sizeBytes: 0 }))).toBe('integrity');
      expect(await exists(storage, key)).toBe(false);
    });

    it('keeps the old object when a new body breaks half-way', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      await putText(storage, key, 'old');
      async function* breaking() {
        yield someBytes(200_000);
        throw new Error('the source broke');
      }
      await failure(
        storage.put(key, Readable.from(breaking(), { objectMode: false }), { sizeBytes: 400_000 }),
      );
      expect((await read(storage, key)).toString()).toBe('old');
    });

    it('lets the provider check an MD5 that is known beforehand', async () => {
      const { storage } = open();
      const prefix = freshPrefix();
      const md5 = createHash('md5').update('the body').digest();
      await putText(storage, `${prefix}right`, 'the body', { md5 });
      expect(await failureCode(putText(storage, `${prefix}wrong`, 'another!', { md5 }))).toBe('integrity');
      expect(await exists(storage, `${prefix}wrong`)).toBe(false);
    });

    it('lets the provider check a SHA-256 where it can', async () => {
      const { storage } = open();
      if (storage.capabilities.contentBound !== 'sha256') return;
      const prefix = freshPrefix();
      const sha256 = createHash('sha256').update('the body').digest();
      await putText(storage, `${prefix}right`, 'the body', { sha256 });
      expect(await failureCode(putText(storage, `${prefix}wrong`, 'another!', { sha256 }))).toBe('integrity');
      expect(await exists(storage, `${prefix}wrong`)).toBe(false);
    });

    it('streams 20 MiB without collecting them', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}large`;
      const piece = someBytes(MIB);
      let handedOut = 0;
      async function* pieces() {
        for (let count = 0; count < 20; count += 1) {
          handedOut += 1;
          yield piece;
        }
      }
      await storage.put(key, Readable.from(pieces(), { objectMode: false }), { sizeBytes: 20 * MIB });
      expect(handedOut).toBe(20);
      const content = await storage.get(key);
      let offset = 0;
      for await (const chunk of content.body as AsyncIterable<Buffer>) {
        for (let at = 0; at < chunk.length;) {
          const expected = piece.subarray(offset % MIB, (offset % MIB) + chunk.length - at);
          expectSameBytes(chunk.subarray(at, at + expected.length), expected);
          at += expected.length;
          offset += expected.length;
        }
      }
      expect(offset).toBe(20 * MIB);
      await storage.delete(key);
    });

    it('takes many writers at once', async () => {
      const { storage } = open();
      const prefix = freshPrefix();
      const names = Array.from({ length: 50 }, (_, index) => `${prefix}${index}`);
      await Promise.all(names.map((key) => putText(storage, key, `content of ${key}`)));
      const contents = await Promise.all(names.map(async (key) => (await read(storage, key)).toString()));
      expect(contents).toEqual(names.map((key) => `content of ${key}`));
    });
  });
}
