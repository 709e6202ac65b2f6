import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Bucket } from '@google-cloud/storage';
import { startGcsDouble, type GcsDouble } from '../support/gcs-double/gcs-double.js';
import { newServiceAccount } from '../support/gcs-double/service-accounts.js';
import { expectSameBytes } from '../support/same-bytes.js';
import { sendRaw, type RawAnswer } from '../support/send-raw.js';
import { bearerOf, bucketOf, signingBucketOf } from './foreign-gcs.js';

const MIB = 1024 * 1024;

/** What an SDK error tells. */
function refusal(promise: Promise<unknown>): Promise<{ code: unknown; message: string }> {
  return promise.then(
    () => ({ code: 'none', message: '' }),
    ({ code, status, message }: { code?: unknown; status?: unknown; message: string }) => ({
      code: code ?? status,
      message,
    }),
  );
}

describe('the GCS double, asked by Google’s client', () => {
  let double: GcsDouble;
  let bucket: Bucket;

  beforeAll(async () => {
    // Google's client puts eleven listeners on one stream and warns of options that it still documents.
    EventEmitter.defaultMaxListeners = 20;
    jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    double = await startGcsDouble();
    bucket = bucketOf(double);
  });
  afterEach(() => {
    double.clockOffsetMs = 0;
    double.faults.clear();
  });
  afterAll(() => double.stop());

  const contentOf = async (name: string, options = {}) => (await bucket.file(name).download(options))[0];

  it('stores in one request and gives it back', async () => {
    const bytes = randomBytes(100_000);
    await bucket
      .file('simple')
      .save(bytes, { resumable: false, contentType: 'image/png', metadata: { metadata: { made: 'here' } } });
    expectSameBytes(await contentOf('simple'), bytes);
    const [metadata] = await bucket.file('simple').getMetadata();
    expect(metadata).toMatchObject({ size: '100000', contentType: 'image/png', metadata: { made: 'here' } });
    expect(metadata.md5Hash).toBe(createHash('md5').update(bytes).digest('base64'));
    expect(double.log.of('storage.objects.insert')).toHaveLength(1);
  });

  it('stores in resumable sessions: in one request, in chunks, and from a stream of unknown length', async () => {
    const bytes = randomBytes(2 * MIB + 11);
    // With a custom endpoint the client forgets its token when it opens a session while writing.
    const session = async (name: string) => (await bucket.file(name).createResumableUpload())[0];
    await bucket.file('resumable').save(bytes, { resumable: true, uri: await session('resumable') });
    await bucket
      .file('chunked')
      .save(bytes, { resumable: true, chunkSize: MIB, uri: await session('chunked') });
    const pieces = Array.from({ length: 33 }, (_, index) =>
      bytes.subarray(index * 65_536, (index + 1) * 65_536),
    );
    const sink = bucket
      .file('streamed')
      .createWriteStream({ resumable: true, uri: await session('streamed') });
    await pipeline(Readable.from(pieces), sink);
    for (const name of ['resumable', 'chunked', 'streamed']) {
      expectSameBytes(await contentOf(name), bytes);
    }
    expect(
      double.log.of('storage.objects.resume').filter(({ status }) => status === 308).length,
    ).toBeGreaterThanOrEqual(2);
  });

  it('goes on after a broken chunk with what survived', async () => {
    const bytes = randomBytes(3 * MIB);
    const [uri] = await bucket.file('resumed').createResumableUpload();
    const send = (body: Buffer, range: string) =>
      fetch(uri, { method: 'PUT', body: new Uint8Array(body), headers: { 'content-range': range } });
    const first = await send(bytes.subarray(0, MIB), `bytes 0-${MIB - 1}/${bytes.length}`);
    expect([first.status, first.headers.get('range')]).toEqual([308, `bytes=0-${MIB - 1}`]);
    const asked = await send(Buffer.alloc(0), `bytes */${bytes.length}`);
    expect([asked.status, asked.headers.get('range')]).toEqual([308, `bytes=0-${MIB - 1}`]);
    expect(
      (await send(bytes.subarray(2 * MIB), `bytes ${2 * MIB}-${3 * MIB - 1}/${bytes.length}`)).status,
    ).toBe(400);
    expect((await send(bytes.subarray(MIB), `bytes ${MIB}-${3 * MIB - 1}/${bytes.length}`)).status).toBe(200);
    expectSameBytes(await contentOf('resumed'), bytes);
  });

  it('serves ranges', async () => {
    await bucket.file('range').save('0123456789', { resumable: false });
    expect((await contentOf('range', { start: 2, end: 4 })).toString()).toBe('234');
    expect((await refusal(contentOf('range', { start: 10 }))).code).toBe(416);
  });

  it('checks what it is told about the content', async () => {
    const wrongMd5 = createHash('md5').update('other').digest('base64');
    const saved = bucket
      .file('bad')
      .save('body', { resumable: false, validation: false, metadata: { md5Hash: wrongMd5 } });
    expect(await refusal(saved)).toMatchObject({ code: 400, message: expect.stringContaining('MD5 hash') });
    const wrongCrc = bucket
      .file('bad')
      .save('body', { resumable: false, validation: false, metadata: { crc32c: 'AAAAAA==' } });
    expect((await refusal(wrongCrc)).code).toBe(400);
    expect(double.store.find(double.bucket, 'bad')).toBeUndefined();
  });

  it('lets one of ten parallel creators win', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        refusal(
          bucket
            .file('once')
            .save(`writer ${index}`, { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } }),
        ),
      ),
    );
    expect(outcomes.map(({ code }) => code).sort()).toEqual([...Array<number>(9).fill(412), 'none']);
  });

  it('lists in byte order, in pages, by prefix and delimiter', async () => {
    const names = ['l/a', 'l/a b', 'l/b/1', 'l/b/2', 'l/é', 'l/\ufffd', 'l/\u{1f600}', 'l/+%2F'];
    await Promise.all(names.map((name) => bucket.file(name).save(name, { resumable: false })));
    const listed: string[] = [];
    let query: object | null = { prefix: 'l/', maxResults: 3, autoPaginate: false };
    while (query) {
      const [files, next] = (await bucket.getFiles(query)) as unknown as [
        Array<{ name: string }>,
        object | null,
      ];
      listed.push(...files.map(({ name }) => name));
      query = next;
    }
    expect(listed).toEqual([...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    expect(double.log.of('storage.objects.list')).toHaveLength(3);
    const [, , answer] = await bucket.getFiles({ prefix: 'l/', delimiter: '/', autoPaginate: false });
    expect((answer as { prefixes: string[] }).prefixes).toEqual(['l/b/']);
  });

  it('deletes, and says what is not there', async () => {
    await bucket.file('gone').save('x', { resumable: false });
    await bucket.file('gone').delete();
    expect(await refusal(contentOf('gone'))).toMatchObject({ code: 404 });
    expect(await refusal(bucket.file('gone').delete())).toMatchObject({ code: 404 });
  });

  it('names the missing permission', async () => {
    const readOnly = bucketOf(double, double.accounts.readOnly.key);
    const denied = await refusal(readOnly.file('x').save('x', { resumable: false }));
    expect(denied).toMatchObject({ code: 403 });
    expect(denied.message).toContain(
      'read-only@stowage-test.iam.gserviceaccount.com does not have storage.objects.create access',
    );
    const creator = bucketOf(double, double.accounts.creator.key);
    await creator.file('created').save('x', { resumable: false });
    expect((await refusal(creator.file('created').save('y', { resumable: false }))).message).toContain(
      'storage.objects.delete',
    );
  });

  it('refuses foreign keys, unknown accounts and wrong clocks in Google’s words', async () => {
    const { key } = double.accounts.full;
    const forged = { ...key, private_key: newServiceAccount('forger').key.private_key };
    const asked = (used: typeof key) => refusal(bucketOf(double, used).file('simple').getMetadata());
    expect((await asked(forged)).message).toContain('invalid_grant: Invalid JWT Signature.');
    expect((await asked({ ...key, client_email: 'nobody@example.com' })).message).toContain(
      'account not found',
    );
    double.clockOffsetMs = 2 * 3600_000;
    expect((await asked(key)).message).toContain('Token must be a short-lived token (60 minutes)');
  });

  it('refuses tokens that it did not give out, expired ones, and none', async () => {
    const url = `${double.endpoint}/storage/v1/b/${double.bucket}/o`;
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(url, { headers: { authorization: 'Bearer ya29.made-up' } })).status).toBe(401);
    const token = `Bearer ${await bearerOf(double)}`;
    const status = async () => (await fetch(url, { headers: { authorization: token } })).status;
    expect(await status()).toBe(200);
    double.clockOffsetMs = 3601_000;
    expect(await status()).toBe(401);
    double.clockOffsetMs = 0;
    double.tokens.revokeAll();
    expect(await status()).toBe(401);
    bucket = bucketOf(double);
  });

  describe('V4 signed URLs', () => {
    /** Google's client signs the host without its port, as on the standard one. */
    const send = (url: string, method: string, headers: Record<string, string> = {}, body?: string) => {
      const { hostname, pathname, search } = new URL(url);
      return sendRaw(double.port, method, pathname + search, { host: hostname, ...headers }, body);
    };
    const codeOf = (answer: RawAnswer) => /<Code>(\w+)</.exec(answer.text)?.[1];
    const sign = async (action: 'read' | 'write', more = {}) => {
      const signer = signingBucketOf(double).file('signed');
      const [url] = await signer.getSignedUrl({
        version: 'v4',
        action,
        expires: Date.now() + 60_000,
        ...more,
      });
      return url;
    };

    it('do one thing until they expire', async () => {
      const url = await sign('write', { contentType: 'text/plain' });
      const headers = { 'content-type': 'text/plain' };
      expect((await send(url, 'PUT', headers, 'hello')).status).toBe(200);
      expect((await send(await sign('read'), 'GET')).text).toBe('hello');
      expect(codeOf(await send(url, 'GET', headers))).toBe('SignatureDoesNotMatch');
      const other = url.replace('/signed', '/other');
      expect(codeOf(await send(other, 'PUT', headers, 'hello'))).toBe('SignatureDoesNotMatch');
      double.clockOffsetMs = 61_000;
      expect(codeOf(await send(url, 'PUT', headers, 'late'))).toBe('ExpiredToken');
    });

    it('bind the headers that were signed and admit no others', async () => {
      const md5 = createHash('md5').update('bound').digest('base64');
      const extensionHeaders = { 'x-goog-if-generation-match': '0', 'content-md5': md5 };
      double.store.remove(double.bucket, 'signed');
      const url = await sign('write', { extensionHeaders });
      const put = (body: string, headers: Record<string, string>) => send(url, 'PUT', headers, body);
      expect(codeOf(await put('bound', { 'content-md5': md5 }))).toBe('MalformedSecurityHeader');
      expect(codeOf(await put('other', extensionHeaders))).toBe('BadDigest');
      const more = { ...extensionHeaders, 'x-goog-acl': 'public-read' };
      expect(codeOf(await put('bound', more))).toBe('MalformedSecurityHeader');
      expect((await put('bound', extensionHeaders)).status).toBe(200);
      expect(codeOf(await put('bound', extensionHeaders))).toBe('PreconditionFailed');
    });
  });
});
