import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { SignedRequest, SignedUrls } from '../../../src/storage-providers/storage-provider.js';
import { sendRaw } from '../../support/send-raw.js';
import { exists, freshPrefix, putText, read, type ContractStore } from './contract-store.js';

/** Sends what was signed, and nothing else, to the server on this machine. */
function send(
  request: SignedRequest,
  changes: Partial<Pick<SignedRequest, 'url' | 'headers'>> & { method?: string; body?: string } = {},
) {
  const url = new URL(changes.url ?? request.url);
  const headers = { host: url.host, ...(changes.headers ?? request.headers) };
  return sendRaw(
    Number(url.port),
    changes.method ?? request.method,
    url.pathname + url.search,
    headers,
    changes.body,
  );
}

function signerOf(store: ContractStore): SignedUrls | undefined {
  return store.storage.signedUrls;
}

export function describeSignedUrls(open: () => ContractStore): void {
  describe('signed URLs', () => {
    it('read one object, with the headers that a download wants', async () => {
      const { storage } = open();
      const signer = signerOf(open());
      if (!signer) return;
      const key = `${freshPrefix()}a file +é.txt`;
      await putText(storage, key, 'hello', { contentType: 'text/html' });
      const contentDisposition = 'attachment; filename="a file.txt"';
      const request = await signer.signGet(key, {
        expiresInSeconds: 60,
        contentDisposition,
        contentType: 'application/octet-stream',
      });
      expect(request.method).toBe('GET');
      expect(Math.abs(request.expiresAt.getTime() - Date.now() - 60_000)).toBeLessThan(5000);
      const answer = await send(request);
      expect(answer).toMatchObject({ status: 200, text: 'hello' });
      expect(answer.headers).toMatchObject({
        'content-disposition': contentDisposition,
        'content-type': 'application/octet-stream',
      });
    });

    it.each([
      ['shown', 'inline; filename=x.png', 'image/png'],
      ['shown as text', 'inline; filename="a b.txt"', 'text/plain; charset=utf-8'],
      [
        'named in any script',
        `attachment; filename="? ?.png"; filename*=UTF-8''%C3%A4%20%E2%82%AC.png`,
        'image/png',
      ],
    ])('let a download be %s', async (_how, contentDisposition, contentType) => {
      const { storage } = open();
      const signer = signerOf(open());
      if (!signer) return;
      const key = `${freshPrefix()}file`;
      await putText(storage, key, 'hello');
      const request = await signer.signGet(key, { expiresInSeconds: 60, contentDisposition, contentType });
      const answer = await send(request);
      expect(answer).toMatchObject({ status: 200, text: 'hello' });
      expect(answer.headers).toMatchObject({
        'content-disposition': contentDisposition,
        'content-type': contentType,
      });
      const other = request.url.replace(/(?<=disposition=|rscd=)(?:inline|attachment)/, 'other');
      if (other !== request.url)
        expect([400, 401, 403]).toContain((await send(request, { url: other })).status);
    });

    it('do nothing else', async () => {
      const { storage } = open();
      const signer = signerOf(open());
      if (!signer) return;
      const prefix = freshPrefix();
      await putText(storage, `${prefix}mine`, 'mine');
      await putText(storage, `${prefix}other`, 'other');
      const request = await signer.signGet(`${prefix}mine`, { expiresInSeconds: 60 });
      const attempts = [
        send(request, { url: request.url.replace(/mine(?=\?)/, 'other') }),
        send(request, {
          method: 'PUT',
          body: 'overwritten',
          headers: { 'content-length': '11', 'x-ms-blob-type': 'BlockBlob' },
        }),
        send(request, { method: 'DELETE' }),
      ];
      for (const { status } of await Promise.all(attempts)) expect([400, 401, 403]).toContain(status);
      expect((await read(storage, `${prefix}mine`)).toString()).toBe('mine');
    });

    it('end when they said they would', async () => {
      const store = open();
      if (!signerOf(store) || !store.withClock) return;
      const key = `${freshPrefix()}file`;
      await putText(store.storage, key, 'hello');
      const past = store.withClock(-120_000);
      const expired = await past.signedUrls!.signGet(key, { expiresInSeconds: 60 });
      const living = await past.signedUrls!.signGet(key, { expiresInSeconds: 600 });
      expect([400, 401, 403]).toContain((await send(expired)).status);
      expect((await send(living)).status).toBe(200);
      await past.close();
    });

    it('store one object of one length', async () => {
      const { storage } = open();
      const signer = signerOf(open());
      if (!signer) return;
      const key = `${freshPrefix()}file`;
      const request = await signer.signPut(key, { expiresInSeconds: 60, sizeBytes: 5 });
      expect(request.method).toBe('PUT');
      expect([200, 201]).toContain((await send(request, { body: 'hello' })).status);
      expect((await read(storage, key)).toString()).toBe('hello');
    });

    it('store only the content that they are bound to', async () => {
      const { storage } = open();
      const signer = signerOf(open());
      const { contentBound } = storage.capabilities;
      if (!signer || contentBound === 'none') return;
      const prefix = freshPrefix();
      const digest = createHash(contentBound).update('hello').digest();
      const sign = (key: string) =>
        signer.signPut(key, { expiresInSeconds: 60, sizeBytes: 5, [contentBound]: digest });
      const wrong = await sign(`${prefix}wrong`);
      expect((await send(wrong, { body: 'hallo' })).status).toBe(400);
      const unbound = Object.fromEntries(
        Object.entries(wrong.headers).filter(([name]) => !/md5|sha256/i.test(name)),
      );
      expect([400, 403]).toContain((await send(wrong, { body: 'hallo', headers: unbound })).status);
      expect(await exists(storage, `${prefix}wrong`)).toBe(false);
      const right = await sign(`${prefix}right`);
      expect([200, 201]).toContain((await send(right, { body: 'hello' })).status);
      expect((await read(storage, `${prefix}right`)).toString()).toBe('hello');
    });

    it('store one part of one upload', async () => {
      const { storage } = open();
      const signer = signerOf(open());
      const { multipart } = storage;
      if (!signer?.signPart || !multipart) return;
      const key = `${freshPrefix()}a file +é`;
      const { uploadId } = await multipart.create(key, {});
      const signPart = (partNumber: number, text: string, more: { readonly md5?: Buffer } = {}) =>
        signer.signPart!(key, uploadId, {
          partNumber,
          sizeBytes: text.length,
          expiresInSeconds: 60,
          ...more,
        });
      const first = await signPart(1, 'hello');
      const answer = await send(first, { body: 'hello' });
      expect([200, 201]).toContain(answer.status);
      const parts = await multipart.listParts(key, uploadId);
      expect(parts).toMatchObject([{ partNumber: 1, sizeBytes: 5 }]);
      // Where parts are named by their ETag, that is what a client reads from the answer.
      if (answer.headers.etag) expect(answer.headers.etag).toBe(`"${parts[0]!.etag}"`);
      expect(await exists(storage, key)).toBe(false);

      if (storage.capabilities.contentBound !== 'none') {
        const other = new URL(first.url);
        other.searchParams.set('partNumber', '2');
        expect([400, 403]).toContain((await send(first, { url: other.href, body: 'hello' })).status);
        const longer = { ...first.headers, 'content-length': '11' };
        const tooLong = await send(first, { body: 'hello there', headers: longer });
        expect([400, 403]).toContain(tooLong.status);
        const md5 = createHash('md5').update('again').digest();
        const bound = await signPart(1, 'again', { md5 });
        expect((await send(bound, { body: 'wrong' })).status).toBe(400);
        const { 'content-md5': _, ...unbound } = bound.headers;
        expect([400, 403]).toContain((await send(bound, { body: 'wrong', headers: unbound })).status);
        expect(await multipart.listParts(key, uploadId)).toEqual(parts);
        expect([200, 201]).toContain((await send(bound, { body: 'again' })).status);
      }
      const arrived = await multipart.listParts(key, uploadId);
      await multipart.complete(key, uploadId, arrived, {});
      expect((await storage.head(key)).sizeBytes).toBe(5);
    });

    it('create without overwriting, where the provider can', async () => {
      const { storage } = open();
      const signer = signerOf(open());
      if (!signer || !storage.capabilities.createOnly) return;
      const key = `${freshPrefix()}file`;
      const request = await signer.signPut(key, { expiresInSeconds: 60, sizeBytes: 5, createOnly: true });
      expect([200, 201]).toContain((await send(request, { body: 'first' })).status);
      // Azure calls it a missing permission: such a URL may create and not write.
      expect([403, 409, 412]).toContain((await send(request, { body: 'again' })).status);
      expect((await read(storage, key)).toString()).toBe('first');
    });
  });
}
