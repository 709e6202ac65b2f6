import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fastify, type FastifyInstance } from 'fastify';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalObjects } from '../../../src/files/local-objects.js';
import { createDialer } from '../../../src/storage-providers/dialer.js';
import {
  createLocalDiskUrls,
  type LocalDiskSigner,
} from '../../../src/storage-providers/local-disk-signing.js';
import { localDisk, openLocalBucket } from '../../../src/storage-providers/providers/local-disk.js';
import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';
import { fingerprint } from '../../support/same-bytes.js';
import { noise } from '../../support/noise.js';

const content = noise(200_000, 5);

describe('signed URLs of local_disk', () => {
  let root: string;
  let app: FastifyInstance;
  let urls: LocalDiskSigner;
  let bucket: ObjectStorage;
  let nowMs = Date.now();

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'stowage-local-objects-'));
    app = fastify();
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const context = {
      dialer: createDialer({ allowedPrivateEndpoints: [] }),
      localDiskRoot: root,
      timeouts: { connectMs: 1_000, responseMs: 1_000, idleBodyMs: 1_000 },
    };
    const objects = new LocalObjects({
      signer: { verify: (method, token) => urls.verify(method, token) },
      openBucket: ({ bucketPath, tenant }) => openLocalBucket(bucketPath, { ...context, tenant }),
    });
    app.setErrorHandler((error: Error & { code?: string }, _request, reply) =>
      reply.code(400).send({ code: error.code }),
    );
    app.get('/api/v1/local-objects/*', async (request, reply) => {
      await objects.send(request, reply);
      return reply;
    });
    app.put('/api/v1/local-objects/*', async (request) => ({ etag: await objects.receive(request) }));
    await app.listen({ host: '127.0.0.1', port: 0 });
    urls = createLocalDiskUrls({ secrets: [randomBytes(32)], baseUrl: origin(), now: () => nowMs });
    bucket = localDisk.connect({ bucket_name: 'files' }, { ...context, tenant: '7', localDiskUrls: urls });
    await bucket.put('f/1/2', content, { sizeBytes: content.length });
  });

  afterAll(async () => {
    await app.close();
    await rm(root, { recursive: true, force: true });
  });

  const port = () => (app.server.address() as AddressInfo).port;
  const origin = () => `http://127.0.0.1:${port()}`;
  const signGet = async (key = 'f/1/2') =>
    (
      await bucket.signedUrls!.signGet(key, {
        expiresInSeconds: 60,
        contentType: 'text/html',
        contentDisposition: 'attachment; filename=x.html',
      })
    ).url;
  const signPut = async (key: string, body: Buffer, options: object = {}) =>
    (await bucket.signedUrls!.signPut(key, { expiresInSeconds: 60, sizeBytes: body.length, ...options })).url;
  const put = (url: string, body: Buffer) => fetch(url, { method: 'PUT', body: new Uint8Array(body) });
  const bytesOf = async (response: Response) => fingerprint(new Uint8Array(await response.arrayBuffer()));

  it('give the object, whole or in ranges, and no browser runs it', async () => {
    const response = await fetch(await signGet());
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename=x.html',
      'x-content-type-options': 'nosniff',
      'content-length': String(content.length),
    });
    expect(await bytesOf(response)).toBe(fingerprint(content));
    const part = await fetch(await signGet(), { headers: { range: 'bytes=-10' } });
    expect([part.status, await bytesOf(part)]).toEqual([206, fingerprint(content.subarray(-10))]);
    const head = await fetch(await signGet(), { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(content.length)]);
  });

  it('take an object of exactly the signed length, and once where it says so', async () => {
    for (const size of [0, 1, 300_000]) {
      const body = noise(size, size + 1);
      const sha256 = createHash('sha256').update(body).digest();
      const url = await signPut(`f/put/${size}`, body, { sha256, createOnly: true });
      expect((await put(url, body)).status).toBe(200);
      expect((await bucket.head(`f/put/${size}`)).sizeBytes).toBe(size);
      expect(await (await put(url, body)).json()).toEqual({ code: 'conflict' });
    }
  });

  it('refuse other lengths and other bytes, and store nothing', async () => {
    const body = noise(1000);
    expect(await (await put(await signPut('f/no', body), body.subarray(1))).json()).toEqual({
      code: 'bad_request',
    });
    const sha256 = createHash('sha256').update('other').digest();
    expect(await (await put(await signPut('f/no', body, { sha256 }), body)).json()).toEqual({
      code: 'checksum_mismatch',
    });
    const chunked = fetch(await signPut('f/no', body), {
      method: 'PUT',
      body: stream(body),
      duplex: 'half',
    });
    expect(await (await chunked).json()).toEqual({ code: 'bad_request' });
    await expect(bucket.head('f/no')).rejects.toMatchObject({ code: 'object_not_found' });
  });

  it('take the parts of an upload, each of its length and digest', async () => {
    const { multipart, signedUrls } = bucket;
    const { uploadId } = await multipart!.create('f/parts', {});
    const pieces = [noise(100_000, 1), noise(70_000, 2)];
    const signPart = async (partNumber: number, body: Buffer) => {
      const md5 = createHash('md5').update(body).digest();
      const options = { partNumber, sizeBytes: body.length, md5, expiresInSeconds: 60 };
      return (await signedUrls!.signPart!('f/parts', uploadId, options)).url;
    };
    expect(await (await put(await signPart(2, pieces[0]!), pieces[1]!)).json()).toEqual({
      code: 'bad_request',
    });
    expect(await (await put(await signPart(2, pieces[0]!), noise(100_000, 9))).json()).toEqual({
      code: 'checksum_mismatch',
    });
    expect(await multipart!.listParts('f/parts', uploadId)).toEqual([]);
    for (const number of [2, 1]) {
      const body = pieces[number - 1]!;
      expect((await put(await signPart(number, body), body)).status).toBe(200);
    }
    const parts = await multipart!.listParts('f/parts', uploadId);
    expect(parts.map(({ sizeBytes }) => sizeBytes)).toEqual([100_000, 70_000]);
    const late = await signPart(3, pieces[0]!);
    await multipart!.complete('f/parts', uploadId, parts, {});
    const whole = await fetch(await signGet('f/parts'));
    expect(await bytesOf(whole)).toBe(fingerprint(Buffer.concat(pieces)));
    expect(await (await put(late, pieces[0]!)).json()).toEqual({ code: 'object_not_found' });
  });

  it('store nothing of a client that goes away', async () => {
    const url = new URL(await signPut('f/gone', content));
    const socket = connect(port(), '127.0.0.1');
    socket.write(`PUT ${url.pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: ${content.length}\r\n\r\n`);
    await new Promise((resolve) => socket.write(content.subarray(0, 100_000), resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resetAndDestroy();
    await closed;
    await expect(bucket.head('f/gone')).rejects.toMatchObject({ code: 'object_not_found' });
  });

  it.each<[string, (url: string) => string, string]>([
    [
      'changed in the token',
      (url) => url.replace(/local-objects\/./, (match) => match.slice(0, -1) + 'x'),
      'signed_url_invalid',
    ],
    ['cut', (url) => url.slice(0, -1), 'signed_url_invalid'],
    ['with more segments', (url) => `${url}/x`, 'signed_url_invalid'],
    ['without a token', (url) => url.replace(/local-objects\/.*/, 'local-objects/'), 'signed_url_invalid'],
    ['of another encoding', (url) => url.replace(/\.([^.]*)$/, '%2E$1'), 'signed_url_invalid'],
  ])('are worth nothing %s', async (_, change, code) => {
    expect(await (await fetch(change(await signGet()))).json()).toEqual({ code });
  });

  it('do one thing until they expire', async () => {
    const url = await signGet();
    expect(await (await put(url, Buffer.from('x'))).json()).toEqual({ code: 'signed_url_invalid' });
    nowMs += 61_000;
    expect(await (await fetch(url)).json()).toEqual({ code: 'signed_url_expired' });
  });
});

function stream(body: Buffer): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(body));
      controller.close();
    },
  });
}
