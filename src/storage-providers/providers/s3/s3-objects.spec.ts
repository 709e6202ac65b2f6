import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ScriptedS3 } from '../../../../test/support/scripted-s3.js';
import type { ObjectStorage } from '../../storage-provider.js';
import { B2_QUIRKS } from '../backblaze-b2.js';

const DATE = 'Sun, 22 Nov 2026 07:00:00 GMT';
const OBJECT = { etag: '"e1"', 'last-modified': DATE, 'content-type': 'text/plain' };
const md5 = (text: string) => createHash('md5').update(text).digest();
const sha256 = (text: string) => createHash('sha256').update(text).digest();
const errorXml = (code: string, message = '') =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;

let server: ScriptedS3;
let storage: ObjectStorage;

beforeEach(async () => {
  server = await ScriptedS3.start();
  storage = server.open();
});
afterEach(() => server.stop());

describe('put', () => {
  it('sends one request with its exact length, unsigned, and nothing that was not asked for', async () => {
    await expect(storage.put('a/b', Buffer.from('abc'), { sizeBytes: 3 })).resolves.toEqual({ etag: 'e' });
    expect(server.seen).toHaveLength(1);
    const [{ method, url, headers, body } = server.seen[0]!] = server.seen;
    expect([method, url, body.toString()]).toEqual(['PUT', '/box/a/b', 'abc']);
    expect(headers).toMatchObject({ 'content-length': '3', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' });
    expect(Object.keys(headers).sort()).toEqual(
      ['authorization', 'connection', 'content-length', 'host', 'x-amz-content-sha256', 'x-amz-date'].sort(),
    );
  });

  it('binds content, type and create-only where it is told to', async () => {
    await storage.put('k', Readable.from([Buffer.from('abc')]), {
      sizeBytes: 3,
      contentType: 'image/png',
      createOnly: true,
      md5: md5('abc'),
      sha256: sha256('abc'),
    });
    expect(server.seen[0]?.headers).toMatchObject({
      'content-length': '3',
      'content-type': 'image/png',
      'if-none-match': '*',
      'content-md5': md5('abc').toString('base64'),
      'x-amz-checksum-sha256': sha256('abc').toString('base64'),
      'x-amz-content-sha256': sha256('abc').toString('hex'),
    });
  });

  it('does not send what the provider does not understand', async () => {
    const b2 = server.open({ quirks: B2_QUIRKS });
    await b2.put('k', Buffer.from('abc'), { sizeBytes: 3, createOnly: true, sha256: sha256('abc') });
    const { headers } = server.seen[0]!;
    expect(headers).not.toHaveProperty('if-none-match');
    expect(headers).not.toHaveProperty('x-amz-checksum-sha256');
  });

  it('sends large buffers whole', async () => {
    const body = Buffer.alloc(1_000_001, 'x');
    await storage.put('k', body, { sizeBytes: body.length });
    expect(server.seen[0]?.body.equals(body)).toBe(true);
    expect(server.seen[0]?.headers['content-length']).toBe('1000001');
  });

  it.each([
    ['a shorter stream', Readable.from([Buffer.from('ab')])],
    ['a longer stream', Readable.from([Buffer.from('abc'), Buffer.from('d')])],
    ['a shorter buffer', Buffer.from('ab')],
  ])('refuses %s and completes no request', async (_what, body) => {
    await expect(storage.put('k', body, { sizeBytes: 3 })).rejects.toMatchObject({ code: 'integrity' });
    await storage.close();
    expect(server.seen).toEqual([]);
  });

  it('looks at an empty stream before it sends an empty object', async () => {
    const oneByte = Readable.from([Buffer.from('x')]);
    await expect(storage.put('k', oneByte, { sizeBytes: 0 })).rejects.toMatchObject({ code: 'integrity' });
    await storage.put('k', Readable.from([]), { sizeBytes: 0 });
    expect(server.seen.map(({ headers }) => headers['content-length'])).toEqual(['0']);
  });

  it('takes an early refusal for the answer and ends the source', async () => {
    server.answersEarly = true;
    server.always(403, {}, errorXml('AccessDenied'));
    const source = new PassThrough();
    source.write(Buffer.alloc(10));
    const put = storage.put('k', source, { sizeBytes: 100 });
    await expect(put).rejects.toMatchObject({ code: 'access_denied', permission: 's3:PutObject' });
    expect(source.destroyed).toBe(true);
  });

  it('is an error when the answer has no ETag', async () => {
    server.always(200, {});
    await expect(storage.put('k', Buffer.from('a'), { sizeBytes: 1 })).rejects.toMatchObject({
      code: 'provider_error',
      providerCode: 'PROVIDER_PROTOCOL_ERROR',
    });
  });

  it('refuses what needs a multipart upload, and keys that mean something else elsewhere', async () => {
    const tooLarge = storage.put('k', Buffer.alloc(0), { sizeBytes: storage.maxPutBytes + 1 });
    await expect(tooLarge).rejects.toMatchObject({ providerCode: 'EntityTooLarge' });
    const escaping = storage.put('../k', Buffer.alloc(0), { sizeBytes: 0 });
    await expect(escaping).rejects.toMatchObject({ providerCode: 'INVALID_OBJECT_KEY' });
    expect(server.seen).toEqual([]);
  });
});

describe('get', () => {
  const text = 'hello world';
  const whole = { ...OBJECT, 'content-length': String(text.length) };

  it('streams the content with what is known about it', async () => {
    server.always(200, whole, text);
    const { body, ...info } = await storage.get('k');
    expect((await buffer(body)).toString()).toBe(text);
    expect(info).toEqual({
      sizeBytes: 11,
      totalBytes: 11,
      etag: 'e1',
      contentType: 'text/plain',
      lastModified: new Date(DATE),
    });
    expect(server.seen[0]?.headers).toMatchObject({ 'accept-encoding': 'identity' });
  });

  it('reads a range', async () => {
    server.always(206, { ...OBJECT, 'content-length': '5', 'content-range': 'bytes 6-10/11' }, 'world');
    const { body, sizeBytes, totalBytes } = await storage.get('k', { range: { start: 6, end: 99 } });
    expect([(await buffer(body)).toString(), sizeBytes, totalBytes]).toEqual(['world', 5, 11]);
    expect(server.seen[0]?.headers.range).toBe('bytes=6-99');
  });

  it.each([
    ['the whole object', 200, whole, text],
    ['another range', 206, { ...OBJECT, 'content-length': '5', 'content-range': 'bytes 0-4/11' }, 'hello'],
    ['a part of the range', 206, { ...OBJECT, 'content-length': '2', 'content-range': 'bytes 6-7/11' }, 'wo'],
    ['another length', 206, { ...OBJECT, 'content-length': '4', 'content-range': 'bytes 6-10/11' }, 'worl'],
    ['no range', 206, { ...OBJECT, 'content-length': '5' }, 'world'],
  ])('refuses %s when a range was asked for', async (_what, status, headers, body) => {
    server.always(status, headers, body);
    await expect(storage.get('k', { range: { start: 6, end: 10 } })).rejects.toMatchObject({
      providerCode: 'PROVIDER_PROTOCOL_ERROR',
    });
  });

  it.each([
    ['a part that nobody asked for', 206, { ...whole, 'content-range': 'bytes 0-10/11' }],
    ['no length', 200, { ...OBJECT, 'transfer-encoding': 'chunked' }],
    ['no ETag', 200, { 'last-modified': DATE, 'content-length': '11' }],
    ['no date', 200, { ...whole, 'last-modified': 'rubbish' }],
  ])('refuses an object with %s', async (_what, status, headers) => {
    server.always(status, headers, text);
    await expect(storage.get('k')).rejects.toMatchObject({ providerCode: 'PROVIDER_PROTOCOL_ERROR' });
  });

  it('breaks off where the provider breaks off', async () => {
    server.script = (_request, response) => {
      response.writeHead(200, whole).write('hel');
      setImmediate(() => response.destroy());
    };
    const { body } = await storage.get('k');
    await expect(buffer(body)).rejects.toMatchObject({ code: 'endpoint_unreachable', retryable: true });
  });

  it('tells the provider to stop when the reader goes away', async () => {
    const answering = new Promise<ServerResponse>((resolve) => {
      server.script = (_request, response) => {
        response.writeHead(200, { ...OBJECT, 'content-length': '1000000' }).write('x');
        resolve(response);
      };
    });
    const { body } = await storage.get('k');
    body.destroy();
    await once(await answering, 'close');
  });

  it('holds the provider back while the reader is slow', async () => {
    const total = 64 * 1024 * 1024;
    let writtenBytes = 0;
    server.script = (_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024);
      response.writeHead(200, { ...OBJECT, 'content-length': String(total) });
      const write = () => {
        while (writtenBytes < total) {
          writtenBytes += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', write);
        }
        response.end();
      };
      write();
    };
    const { body } = await storage.get('k');
    await once(body, 'readable');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(writtenBytes).toBeLessThan(total / 2);
    expect((await buffer(body)).length).toBe(total);
  });

  it('follows no redirect', async () => {
    server.always(307, { location: 'http://127.0.0.1:1/evil', 'x-amz-bucket-region': 'eu-west-1' });
    await expect(storage.get('k')).rejects.toMatchObject({
      code: 'wrong_region',
      hint: 'Set region to eu-west-1.',
    });
    expect(server.seen).toHaveLength(1);
  });
});

describe('head', () => {
  it('answers what the headers say', async () => {
    server.always(200, { ...OBJECT, 'content-length': '7' });
    await expect(storage.head('k')).resolves.toEqual({
      key: 'k',
      sizeBytes: 7,
      etag: 'e1',
      lastModified: new Date(DATE),
      contentType: 'text/plain',
    });
  });

  it.each([
    [404, 'NoSuchKey', 'object_not_found'],
    [404, 'NoSuchBucket', 'bucket_not_found'],
    [403, 'SignatureDoesNotMatch', 'invalid_credentials'],
    [403, 'AccessDenied', 'access_denied'],
    [400, 'ExpiredToken', 'invalid_credentials'],
  ])('asks again with GET what a bare %i means: %s', async (status, code, category) => {
    server.script = ({ method }, response) => {
      response.writeHead(status).end(method === 'HEAD' ? undefined : errorXml(code));
    };
    await expect(storage.head('k')).rejects.toMatchObject({ code: category, operation: 'head' });
    expect(server.seen.map(({ method, headers }) => [method, headers.range])).toEqual([
      ['HEAD', undefined],
      ['GET', 'bytes=0-0'],
    ]);
  });

  it('does not ask again when the status says enough', async () => {
    server.always(503, {});
    await expect(storage.head('k')).rejects.toMatchObject({ code: 'storage_rate_limited', retryable: true });
    expect(server.seen).toHaveLength(1);
  });
});

describe('delete', () => {
  it.each([
    [204, ''],
    [200, ''],
    [404, errorXml('NoSuchKey')],
  ])('is done after status %i', async (status, body) => {
    server.always(status, {}, body);
    await expect(storage.delete('k')).resolves.toBeUndefined();
  });

  it('fails when the bucket is gone or the key may not', async () => {
    server.always(404, {}, errorXml('NoSuchBucket'));
    await expect(storage.delete('k')).rejects.toMatchObject({ code: 'bucket_not_found' });
    server.always(403, {}, errorXml('AccessDenied'));
    await expect(storage.delete('k')).rejects.toMatchObject({ permission: 's3:DeleteObject' });
  });
});

describe('every call', () => {
  const put = (options: { signal?: AbortSignal } = {}) =>
    storage.put('k', Buffer.from('a'), { sizeBytes: 1, ...options });

  it('ends at once when it is aborted, before or during', async () => {
    await expect(put({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
    const controller = new AbortController();
    server.script = () => controller.abort(new Error('enough'));
    await expect(put({ signal: controller.signal })).rejects.toMatchObject({
      code: 'aborted',
      retryable: false,
    });
    expect(server.seen).toHaveLength(1);
  });

  it('has a deadline for the answer', async () => {
    server.script = () => undefined;
    const hasty = server.open({}, { timeouts: { connectMs: 1_000, responseMs: 200, idleBodyMs: 200 } });
    await expect(hasty.put('k', Buffer.from('a'), { sizeBytes: 1 })).rejects.toMatchObject({
      code: 'endpoint_unreachable',
      providerCode: 'UND_ERR_HEADERS_TIMEOUT',
    });
  });

  it('has a deadline for silence in the middle of a body', async () => {
    server.script = (_request, response) => {
      response.writeHead(200, { ...OBJECT, 'content-length': '10' }).write('x');
    };
    const hasty = server.open({}, { timeouts: { connectMs: 1_000, responseMs: 1_000, idleBodyMs: 200 } });
    const { body } = await hasty.get('k');
    await expect(buffer(body)).rejects.toMatchObject({ providerCode: 'UND_ERR_BODY_TIMEOUT' });
  });

  it('reads no endless error', async () => {
    server.always(400, {}, Buffer.alloc(17 * 1024 * 1024, '<'));
    await expect(put()).rejects.toMatchObject({
      code: 'provider_error',
      providerCode: 'PROVIDER_PROTOCOL_ERROR',
    });
  });

  it.each([
    ['a web page', 200, '<html>Welcome</html>', 'provider_error'],
    ['a web page that refuses', 403, '<html>Forbidden</html>', 'endpoint_unreachable'],
    ['nothing', 404, '', 'endpoint_unreachable'],
    ['JSON', 400, '{"code":"bad_request"}', 'endpoint_unreachable'],
  ])('takes %s for what it is', async (_what, status, body, category) => {
    server.always(status, {}, body);
    await expect(put()).rejects.toMatchObject({ code: category, providerCode: 'PROVIDER_PROTOCOL_ERROR' });
  });

  it('tells a wrong clock from a wrong key', async () => {
    server.always(403, { date: 'Sun, 22 Nov 2026 07:00:00 GMT' }, errorXml('SignatureDoesNotMatch'));
    const clock = { now: () => Date.parse('2026-11-22T07:10:00Z') };
    const late = server.open({}, clock);
    await expect(late.put('k', Buffer.from('a'), { sizeBytes: 1 })).rejects.toMatchObject({
      code: 'clock_skew',
    });
    expect(server.seen[0]?.headers['x-amz-date']).toBe('20261122T071000Z');
  });

  it('leaks neither keys nor signed texts', async () => {
    const leaky = errorXml('SignatureDoesNotMatch', 'AKIDEXAMPLE the-secret StringToSign AWS4-HMAC-SHA256');
    server.always(403, { 'x-amz-request-id': 'TX1' }, leaky);
    const error: unknown = await put().catch((reason: unknown) => reason);
    const shown = JSON.stringify([error, Object.entries(error as object), String((error as Error).stack)]);
    expect(shown).not.toMatch(/AKIDEXAMPLE|the-secret|AWS4-HMAC/);
    expect(error).toMatchObject({ requestId: 'TX1' });
  });

  it('is made by something that shows no secret when it is logged', () => {
    const shown = JSON.stringify(storage) + inspect(storage, { depth: 20, showHidden: true });
    expect(shown).not.toMatch(/the-secret/);
  });

  it('cannot be opened where the policy forbids it', () => {
    expect(() => server.open({ endpoint: new URL('http://169.254.169.254') })).toThrow(/not connect/);
    expect(() => server.open({ endpoint: new URL('https://localhost') })).toThrow(/not a public address/);
  });
});
