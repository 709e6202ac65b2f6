import { describe, expect, it } from '@jest/globals';
import { failureCode, freshPrefix, putText, read, someBytes, type ContractStore } from './contract-store.js';

export function describeCreateOnly(open: () => ContractStore): void {
  describe('create-only', () => {
    it('refuses a key that exists, where the provider can, and otherwise is a plain put', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      await putText(storage, key, 'first', { createOnly: true });
      const again = putText(storage, key, 'second', { createOnly: true });
      if (storage.capabilities.createOnly) expect(await failureCode(again)).toBe('conflict');
      else await again;
      expect((await read(storage, key)).toString()).toBe(
        storage.capabilities.createOnly ? 'first' : 'second',
      );
    });

    it('lets exactly one of ten parallel creators win', async () => {
      const { storage } = open();
      if (!storage.capabilities.createOnly) return;
      const key = `${freshPrefix()}file`;
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          putText(storage, key, `writer ${index}`, { createOnly: true }).then(
            () => 'stored',
            (error: { code: string }) => error.code,
          ),
        ),
      );
      expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'conflict')).toHaveLength(9);
      const winner = outcomes.indexOf('stored');
      expect((await read(storage, key)).toString()).toBe(`writer ${winner}`);
    });

    it('allows the key again once it was deleted', async () => {
      const { storage } = open();
      const key = `${freshPrefix()}file`;
      await putText(storage, key, 'first', { createOnly: true });
      await storage.delete(key);
      await putText(storage, key, 'second', { createOnly: true });
      expect((await read(storage, key)).toString()).toBe('second');
    });

    it('refuses the end of a multipart upload over a key that exists', async () => {
      const { storage } = open();
      const { multipart } = storage;
      if (!multipart || !storage.capabilities.createOnly) return;
      const key = `${freshPrefix()}file`;
      const { uploadId } = await multipart.create(key, {});
      const part = await multipart.uploadPart(key, uploadId, 1, someBytes(1000), { sizeBytes: 1000 });
      await putText(storage, key, 'faster');
      expect(await failureCode(multipart.complete(key, uploadId, [part], { createOnly: true }))).toBe(
        'conflict',
      );
      expect((await read(storage, key)).toString()).toBe('faster');
      await multipart.abort(key, uploadId);
    });
  });
}
