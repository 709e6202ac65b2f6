import { describe, expect, it } from '@jest/globals';
import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';
import {
  failure,
  freshPrefix,
  putText,
  read,
  streamOf,
  someBytes,
  type ContractStore,
} from './contract-store.js';

/** The calls that a user's first mistake meets. */
function plainCalls(storage: ObjectStorage): Array<() => Promise<unknown>> {
  const key = `${freshPrefix()}file`;
  return [
    () => storage.listPage({ prefix: key }),
    () => putText(storage, key, 'x'),
    () => storage.put(key, streamOf(someBytes(200_000)), { sizeBytes: 200_000 }),
    () => storage.get(key),
    () => storage.head(key),
  ];
}

export function describeErrors(open: () => ContractStore): void {
  describe('errors', () => {
    it('tell a wrong secret', async () => {
      const storage = open().wrongSecret?.();
      if (!storage) return;
      for (const call of plainCalls(storage)) {
        expect(await failure(call())).toMatchObject({ code: 'invalid_credentials', retryable: false });
      }
      await storage.close();
    });

    it('tell a bucket that does not exist from an object that does not', async () => {
      const storage = open().missingBucket();
      for (const call of plainCalls(storage)) {
        expect(await failure(call())).toMatchObject({ code: 'bucket_not_found', retryable: false });
      }
      await storage.close();
    });

    it('tell a missing permission, by the provider’s name for it', async () => {
      const { storage, readOnly } = open();
      if (!readOnly) return;
      const key = `${freshPrefix()}file`;
      await putText(storage, key, 'kept');
      const reader = readOnly.open();
      expect((await read(reader, key)).toString()).toBe('kept');
      const denied = await failure(putText(reader, key, 'changed'));
      expect(denied).toMatchObject({ code: 'access_denied', operation: 'put', retryable: false });
      if (readOnly.permission !== undefined) expect(denied.permission).toBe(readOnly.permission);
      expect(await failure(reader.delete(key))).toMatchObject({ code: 'access_denied', operation: 'delete' });
      expect((await read(storage, key)).toString()).toBe('kept');
      await reader.close();
    });
  });
}
