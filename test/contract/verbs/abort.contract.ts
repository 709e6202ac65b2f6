import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';
import {
  exists,
  failure,
  failureCode,
  freshPrefix,
  MIB,
  putText,
  read,
  someBytes,
  type ContractStore,
} from './contract-store.js';

export function describeAbort(open: () => ContractStore): void {
  describe('an abort signal', () => {
    it('that was given before ends every call at once', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      await putText(storage, key, 'kept');
      const signal = AbortSignal.abort(new Error('not wanted any more'));
      for (const call of everyCall(storage, key, signal)) expect(await failureCode(call())).toBe('aborted');
      expect((await read(storage, key)).toString()).toBe('kept');
    });

    it('ends an upload half-way and leaves nothing', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      const controller = new AbortController();
      let ended = false;
      async function* endless() {
        try {
          for (let sent = 0; ; sent += 1) {
            if (sent === 4) setImmediate(() => controller.abort());
            yield someBytes(65_536);
          }
        } finally {
          ended = true;
        }
      }
      const body = Readable.from(endless(), { objectMode: false });
      const error = await failure(
        storage.put(key, body, { sizeBytes: 1024 * MIB, signal: controller.signal }),
      );
      expect(error).toMatchObject({ code: 'aborted', retryable: false });
      expect(body.destroyed).toBe(true);
      if (!ended) await new Promise((resolve) => body.once('close', resolve));
      expect(await exists(storage, key)).toBe(false);
    });

    it('breaks a download instead of ending it early', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      const bytes = someBytes(8 * MIB);
      await storage.put(key, bytes, { sizeBytes: bytes.length });
      const controller = new AbortController();
      const { body } = await storage.get(key, { signal: controller.signal });
      let received = 0;
      const reading = (async () => {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          received += chunk.length;
          if (received > 100_000) controller.abort();
        }
      })();
      expect(await failureCode(reading)).toBe('aborted');
      expect(received).toBeLessThan(bytes.length);
    });
  });
}

function everyCall(storage: ObjectStorage, key: string, signal: AbortSignal): Array<() => Promise<unknown>> {
  const { multipart } = storage;
  const uploads = multipart
    ? [
        () => multipart.create(key, { signal }),
        () => multipart.uploadPart(key, 'upload', 1, Buffer.from('x'), { sizeBytes: 1, signal }),
        () => multipart.complete(key, 'upload', [{ partNumber: 1, etag: 'x', sizeBytes: 1 }], { signal }),
        () => multipart.abort(key, 'upload', { signal }),
        () => multipart.listParts(key, 'upload', { signal }),
        ...(multipart.listUnfinished ? [() => multipart.listUnfinished!('x', { signal })] : []),
      ]
    : [];
  return [
    () => storage.put(key, Buffer.from('new'), { sizeBytes: 3, signal }),
    () => storage.get(key, { signal }),
    () => storage.head(key, { signal }),
    () => storage.delete(key, { signal }),
    () => storage.listPage({ prefix: key, signal }),
    ...uploads,
  ];
}
