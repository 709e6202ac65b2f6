import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { MultipartUploads, UploadedPart } from '../../../src/storage-providers/storage-provider.js';
import { expectSameBytes } from '../../support/same-bytes.js';
import {
  exists,
  failure,
  failureCode,
  freshPrefix,
  read,
  someBytes,
  streamOf,
  typeOf,
  type ContractStore,
} from './contract-store.js';

function uploadsOf(store: ContractStore): MultipartUploads | undefined {
  return store.storage.multipart;
}

export function describeMultipart(open: () => ContractStore): void {
  describe('multipart', () => {
    const part = (
      uploads: MultipartUploads,
      key: string,
      uploadId: string,
      partNumber: number,
      bytes: Buffer,
    ) => uploads.uploadPart(key, uploadId, partNumber, streamOf(bytes), { sizeBytes: bytes.length });

    it('makes one object of parts that came in any order', async () => {
      const { storage } = open();
      const uploads = uploadsOf(open());
      if (!uploads) return;
      const key = `${freshPrefix()}file`;
      const pieces = [
        someBytes(uploads.minPartBytes, 1),
        someBytes(uploads.minPartBytes, 2),
        someBytes(777, 3),
      ];
      const { uploadId } = await uploads.create(key, { contentType: 'video/mp4' });
      const parts: UploadedPart[] = [];
      for (const partNumber of [3, 1, 2]) {
        parts[partNumber - 1] = await part(uploads, key, uploadId, partNumber, pieces[partNumber - 1]!);
      }
      expect(parts.map(({ partNumber, sizeBytes }) => [partNumber, sizeBytes])).toEqual(
        pieces.map((piece, index) => [index + 1, piece.length]),
      );
      expect(await exists(storage, key)).toBe(false);
      const { etag } = await uploads.complete(key, uploadId, parts, { contentType: 'video/mp4' });
      const whole = Buffer.concat(pieces);
      expectSameBytes(await read(storage, key), whole);
      expect(await storage.head(key)).toMatchObject({
        etag,
        sizeBytes: whole.length,
        contentType: typeOf(open(), 'video/mp4'),
      });
    });

    it('takes one small part, and a part again', async () => {
      const { storage } = open();
      const uploads = uploadsOf(open());
      if (!uploads) return;
      const key = `${freshPrefix()}file`;
      const { uploadId } = await uploads.create(key, {});
      await part(uploads, key, uploadId, 1, someBytes(50, 1));
      const second = someBytes(60, 2);
      const parts = [await part(uploads, key, uploadId, 1, second)];
      await uploads.complete(key, uploadId, parts, {});
      expectSameBytes(await read(storage, key), second);
    });

    it('leaves nothing after an abort, which may be repeated', async () => {
      const { storage } = open();
      const uploads = uploadsOf(open());
      if (!uploads) return;
      const key = `${freshPrefix()}file`;
      const { uploadId } = await uploads.create(key, {});
      const parts = [await part(uploads, key, uploadId, 1, someBytes(50))];
      await uploads.abort(key, uploadId);
      await uploads.abort(key, uploadId);
      expect(await exists(storage, key)).toBe(false);
      if (open().forgetsAborted === false) return;
      await failure(uploads.complete(key, uploadId, parts, {}));
      expect(await exists(storage, key)).toBe(false);
    });

    it('tells unfinished uploads below a prefix', async () => {
      const uploads = uploadsOf(open());
      if (!uploads?.listUnfinished) return;
      const prefix = freshPrefix();
      const before = Date.now();
      const { uploadId } = await uploads.create(`${prefix}one`, {});
      await part(uploads, `${prefix}one`, uploadId, 1, someBytes(50));
      const other = await uploads.create(`${prefix}two`, {});
      await part(uploads, `${prefix}two`, other.uploadId, 1, someBytes(50));
      const found = await uploads.listUnfinished(prefix);
      expect(found.map(({ key }) => key).sort()).toEqual([`${prefix}one`, `${prefix}two`]);
      for (const { startedAt } of found) expect(startedAt.getTime()).toBeGreaterThanOrEqual(before - 2000);
      expect(await uploads.listUnfinished(`${prefix}t`)).toHaveLength(1);
      for (const upload of found) await uploads.abort(upload.key, upload.uploadId);
      if (open().forgetsAborted !== false) expect(await uploads.listUnfinished(prefix)).toEqual([]);
    });

    it('tells which parts have arrived, as it wants them to finish with', async () => {
      const { storage } = open();
      const uploads = uploadsOf(open());
      if (!uploads) return;
      const key = `${freshPrefix()}file`;
      const { uploadId } = await uploads.create(key, {});
      expect(await uploads.listParts(key, uploadId)).toEqual([]);
      const last = someBytes(70, 2);
      await part(uploads, key, uploadId, 2, someBytes(90, 9));
      const second = await part(uploads, key, uploadId, 2, last);
      const first = await part(uploads, key, uploadId, 1, someBytes(uploads.minPartBytes, 1));
      const parts = await uploads.listParts(key, uploadId);
      expect(parts).toEqual([first, second]);
      await uploads.complete(key, uploadId, parts, {});
      expectSameBytes(await read(storage, key), Buffer.concat([someBytes(uploads.minPartBytes, 1), last]));
    });

    it('knows no parts of an upload that ended, or that is for another key', async () => {
      const uploads = uploadsOf(open());
      if (!uploads) return;
      const key = `${freshPrefix()}file`;
      const { uploadId } = await uploads.create(key, {});
      await part(uploads, key, uploadId, 1, someBytes(50));
      const partsOf = async (name: string) => {
        const listing = uploads.listParts(name, uploadId);
        return open().forgetsAborted === false ? listing : failureCode(listing);
      };
      const nothing = open().forgetsAborted === false ? [] : 'object_not_found';
      expect(await partsOf(`${key}2`)).toEqual(nothing);
      await uploads.complete(key, uploadId, await uploads.listParts(key, uploadId), {});
      expect(await partsOf(key)).toEqual(nothing);
    });

    it('refuses parts that are not what was said', async () => {
      const uploads = uploadsOf(open());
      if (!uploads) return;
      const key = `${freshPrefix()}file`;
      const { uploadId } = await uploads.create(key, {});
      const send = (bytes: Buffer, options: { sizeBytes: number; md5?: Uint8Array }) =>
        failureCode(uploads.uploadPart(key, uploadId, 1, streamOf(bytes), options));
      expect(await send(someBytes(99), { sizeBytes: 100 })).toBe('integrity');
      expect(await send(someBytes(101), { sizeBytes: 100 })).toBe('integrity');
      const md5 = createHash('md5').update('another body').digest();
      expect(await send(someBytes(100), { sizeBytes: 100, md5 })).toBe('integrity');
      await uploads.abort(key, uploadId);
    });

    it('refuses to finish with parts that it never saw', async () => {
      const { storage } = open();
      const uploads = uploadsOf(open());
      if (!uploads) return;
      const key = `${freshPrefix()}file`;
      const { uploadId } = await uploads.create(key, {});
      const real = await part(uploads, key, uploadId, 1, someBytes(50));
      const foreign = { ...real, partNumber: 2, etag: 'ffffffffffffffffffffffffffffffff' };
      expect(await failureCode(uploads.complete(key, uploadId, [foreign], {}))).toBe('integrity');
      expect(await exists(storage, key)).toBe(false);
      await uploads.abort(key, uploadId);
    });

    it('keeps the object that is there until the new one is whole', async () => {
      const { storage } = open();
      const uploads = uploadsOf(open());
      if (!uploads) return;
      const key = `${freshPrefix()}file`;
      await storage.put(key, Buffer.from('old'), { sizeBytes: 3 });
      const { uploadId } = await uploads.create(key, {});
      const bytes = someBytes(50);
      const parts = [await part(uploads, key, uploadId, 1, bytes)];
      expect((await read(storage, key)).toString()).toBe('old');
      await uploads.complete(key, uploadId, parts, {});
      expectSameBytes(await read(storage, key), bytes);
    });
  });
}
