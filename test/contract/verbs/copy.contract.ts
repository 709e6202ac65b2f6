import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { equalPartBytes } from '../../../src/files/upload-plan.js';
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
  typeOf,
  type ContractStore,
} from './contract-store.js';

export function describeCopy(open: () => ContractStore): void {
  describe('copy', () => {
    const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

    it.each([0, 1, 3 * MIB + 7])(
      'makes another object of %i bytes, as whole as the first',
      async (sizeBytes) => {
        const { storage } = open();
        const { copies } = storage;
        if (!copies) return;
        const prefix = freshPrefix();
        const [from, to] = [`${prefix}a b/ä+%25?`, `${prefix}c&d/ü`];
        const bytes = someBytes(sizeBytes);
        await storage.put(from, bytes, { sizeBytes, contentType: 'image/png' });
        const copied = await copies.copy(from, to, { sizeBytes, sha256: sha256(bytes) });
        expectSameBytes(await read(storage, to), bytes);
        expect(await storage.head(to)).toMatchObject({
          etag: copied.etag,
          sizeBytes,
          contentType: typeOf(open(), 'image/png'),
        });
        // Neither lives on the other.
        await storage.delete(from);
        expectSameBytes(await read(storage, to), bytes);
      },
    );

    it('may be repeated, and replaces what was there unless it must not', async () => {
      const { storage } = open();
      const { copies } = storage;
      if (!copies) return;
      const prefix = freshPrefix();
      const [from, to] = [`${prefix}a`, `${prefix}b`];
      await putText(storage, from, 'source');
      await copies.copy(from, to, { sizeBytes: 6 });
      await copies.copy(from, to, { sizeBytes: 6 });
      await putText(storage, to, 'other');
      expect(await failureCode(copies.copy(from, to, { sizeBytes: 6, createOnly: true }))).toBe('conflict');
      expect((await read(storage, to)).toString()).toBe('other');
      await copies.copy(from, to, { sizeBytes: 6 });
      expect((await read(storage, to)).toString()).toBe('source');
      await copies.copy(from, `${prefix}c`, { sizeBytes: 6, createOnly: true });
      expect((await read(storage, `${prefix}c`)).toString()).toBe('source');
    });

    it('makes nothing of a source that is absent or has another length', async () => {
      const { storage } = open();
      const { copies } = storage;
      if (!copies) return;
      const prefix = freshPrefix();
      const [from, to] = [`${prefix}a`, `${prefix}b`];
      expect(await failureCode(copies.copy(from, to, { sizeBytes: 6 }))).toBe('object_not_found');
      await putText(storage, from, 'source');
      expect(await failureCode(copies.copy(from, to, { sizeBytes: 7 }))).toBe('integrity');
      expect(await exists(storage, to)).toBe(false);
    });

    it('claims no more than it knows of the content', async () => {
      const { storage } = open();
      const { copies } = storage;
      if (!copies) return;
      const prefix = freshPrefix();
      await putText(storage, `${prefix}a`, 'source');
      const options = { sizeBytes: 6, sha256: sha256(Buffer.from('forged')) };
      const outcome = copies.copy(`${prefix}a`, `${prefix}b`, options);
      const proof = await outcome.then(
        (copied) => copied.proof,
        (error: { code: string }) => error.code,
      );
      // Who compares the SHA-256 refuses; who does not must not say that it did.
      expect(['integrity', 'digest', 'length']).toContain(proof);
      if (proof === 'integrity') expect(await exists(storage, `${prefix}b`)).toBe(false);
    });

    it('is refused to who may only read', async () => {
      const { storage, readOnly } = open();
      if (!storage.copies || !readOnly) return;
      const prefix = freshPrefix();
      await putText(storage, `${prefix}a`, 'source');
      const error = await failure(readOnly.open().copies!.copy(`${prefix}a`, `${prefix}b`, { sizeBytes: 6 }));
      expect(error).toMatchObject({ code: 'access_denied', operation: 'copy' });
      expect(await exists(storage, `${prefix}b`)).toBe(false);
    });

    it('begins nothing for who has gone', async () => {
      const { storage } = open();
      if (!storage.copies) return;
      const prefix = freshPrefix();
      await putText(storage, `${prefix}a`, 'source');
      const options = { sizeBytes: 6, signal: AbortSignal.abort() };
      expect(await failureCode(storage.copies.copy(`${prefix}a`, `${prefix}b`, options))).toBe('aborted');
      expect(await exists(storage, `${prefix}b`)).toBe(false);
    });

    it('goes in parts, which make the same object as parts that were sent', async () => {
      const { storage } = open();
      const { copies, multipart } = storage;
      if (!copies?.copyPart || !multipart) return;
      const prefix = freshPrefix();
      const [from, to] = [`${prefix}a`, `${prefix}b`];
      const partBytes = equalPartBytes(1, multipart.minPartBytes, multipart);
      const bytes = someBytes(partBytes + 333);
      const first = await multipart.create(from, { contentType: 'image/png' });
      const sent = [bytes.subarray(0, partBytes), bytes.subarray(partBytes)].map((part, index) =>
        multipart.uploadPart(from, first.uploadId, index + 1, part, { sizeBytes: part.length }),
      );
      const source = await multipart.complete(from, first.uploadId, await Promise.all(sent), {});
      const { uploadId } = await multipart.create(to, { contentType: 'image/png' });
      const ranges = [
        { start: 0, end: partBytes - 1 },
        { start: partBytes, end: bytes.length - 1 },
      ];
      const copied = ranges.map((range, index) =>
        copies.copyPart!(from, to, { uploadId, partNumber: index + 1, range, sourceEtag: source.etag }),
      );
      const parts = await Promise.all(copied);
      expect(parts.map(({ sizeBytes }) => sizeBytes)).toEqual([partBytes, 333]);
      expect(await exists(storage, to)).toBe(false);
      const { etag } = await multipart.complete(to, uploadId, parts, {});
      expectSameBytes(await read(storage, to), bytes);
      expect(etag).toBe(source.etag);
    });
  });
}
