import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash, createVerify, generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { createDialer } from '../dialer.js';
import type { ObjectStorage } from '../storage-provider.js';
import { googleGcs } from './google-gcs.js';

interface Call {
  readonly line: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}
type Answer = { status?: number; headers?: Record<string, string>; body?: string | Buffer | object };

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const settings = {
  bucket_name: 'bucket',
  service_account_json: JSON.stringify({
    type: 'service_account',
    client_email: 'stowage@project.iam.gserviceaccount.com',
    private_key_id: 'key-1',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }),
};

let server: Server;
let storage: ObjectStorage;
let calls: Call[];
let answers: Record<string, (call: Call) => Answer>;
let tokensGiven: number;
let nowMs: number;

beforeEach(async () => {
  calls = [];
  answers = {};
  tokensGiven = 0;
  nowMs = Date.UTC(2026, 10, 22);
  server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  storage = googleGcs.connect(settings, {
    dialer: createDialer({ allowedPrivateEndpoints: ['127.0.0.1'] }),
    localDiskRoot: '/nowhere',
    timeouts: { connectMs: 1_000, responseMs: 2_000, idleBodyMs: 2_000 },
    gcsEndpoints: { storage: origin, token: `${origin}/token` },
    now: () => nowMs,
  });
});

afterEach(async () => {
  await storage.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Answers by the first key of `answers` that begins the request line; 404 otherwise. */
async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const call = {
    line: `${request.method} ${request.url}`,
    headers: request.headers,
    body: Buffer.concat(chunks),
  };
  calls.push(call);
  const known = Object.keys(answers).find((start) => call.line.startsWith(start));
  const {
    status = 200,
    headers = {},
    body = '',
  } = known !== undefined ? answers[known]!(call) : call.line === 'POST /token' ? token() : { status: 404 };
  const isJson = typeof body === 'object' && !Buffer.isBuffer(body);
  const bytes = Buffer.from(isJson ? JSON.stringify(body) : body);
  const usual = { date: new Date(nowMs).toUTCString(), 'content-length': bytes.byteLength };
  response.writeHead(status, status === 204 ? {} : { ...usual, ...headers }).end(bytes);
}

function token(): Answer {
  tokensGiven += 1;
  return { body: { access_token: `token-${tokensGiven}`, expires_in: 3_600, token_type: 'Bearer' } };
}

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('base64');
const stored = (call: Call, digest = md5(call.body)): Answer => ({
  headers: { 'x-goog-generation': '17', 'x-goog-hash': `crc32c=AAAAAA==,md5=${digest}`, etag: '"e"' },
});
const OBJECT = {
  kind: 'storage#object',
  bucket: 'bucket',
  name: 'a/b',
  size: '5',
  generation: '17',
  updated: '2026-11-21T10:00:00.123Z',
  contentType: 'text/plain',
};

describe('tokens of google_gcs', () => {
  it('asks for one with a signed assertion of one hour, and once for many calls at a time', async () => {
    answers['GET /storage'] = () => ({ body: OBJECT });
    await Promise.all([storage.head('a/b'), storage.head('a/b'), storage.head('a/b')]);
    expect(tokensGiven).toBe(1);
    const [exchange, first] = calls;
    const assertion = new URLSearchParams(exchange!.body.toString()).get('assertion')!;
    const [header, claims, signature] = assertion.split('.') as [string, string, string];
    const isGenuine = createVerify('RSA-SHA256')
      .update(`${header}.${claims}`)
      .verify(publicKey, Buffer.from(signature, 'base64url'));
    expect(isGenuine).toBe(true);
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({
      alg: 'RS256',
      typ: 'JWT',
      kid: 'key-1',
    });
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toEqual({
      iss: 'stowage@project.iam.gserviceaccount.com',
      scope: 'https://www.googleapis.com/auth/devstorage.read_write',
      aud: 'https://oauth2.googleapis.com/token',
      iat: nowMs / 1_000,
      exp: nowMs / 1_000 + 3_600,
    });
    expect(first!.headers.authorization).toBe('Bearer token-1');
  });

  it('takes a new one five minutes before the old one ends, or when it was refused', async () => {
    answers['GET /storage'] = () => ({ body: OBJECT });
    await storage.head('a/b');
    nowMs += 54 * 60_000;
    await storage.head('a/b');
    expect(tokensGiven).toBe(1);
    nowMs += 60_000;
    await storage.head('a/b');
    expect(tokensGiven).toBe(2);
    answers['GET /storage'] = () => ({
      status: 401,
      body: { error: { code: 401, message: 'Invalid Credentials', errors: [{ reason: 'authError' }] } },
    });
    await expect(storage.head('a/b')).rejects.toMatchObject({ code: 'invalid_credentials' });
    answers['GET /storage'] = () => ({ body: OBJECT });
    await storage.head('a/b');
    expect(calls.at(-1)!.headers.authorization).toBe('Bearer token-3');
  });

  it.each([
    [
      'a wrong key',
      { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' },
      'invalid_credentials',
    ],
    [
      'a wrong clock',
      {
        error: 'invalid_grant',
        error_description:
          'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values.',
      },
      'clock_skew',
    ],
  ])('reports %s and does not remember it', async (_name, body, code) => {
    answers['POST /token'] = () => ({ status: 400, body });
    await expect(storage.head('a/b')).rejects.toMatchObject({ code, retryable: false });
    delete answers['POST /token'];
    answers['GET /storage'] = () => ({ body: OBJECT });
    await expect(storage.head('a/b')).resolves.toMatchObject({ etag: '17' });
  });

  it('does not take a page for a token', async () => {
    answers['POST /token'] = () => ({ body: '<html>sign in</html>' });
    const source = Readable.from([Buffer.from('x')]);
    await expect(storage.put('k', source, { sizeBytes: 1 })).rejects.toMatchObject({
      code: 'provider_error',
    });
    // Still whole: the call may be repeated with it.
    expect(source.destroyed).toBe(false);
    source.destroy();
  });
});

describe('objects of google_gcs', () => {
  it('puts a stream of a known length under its conditions and answers the generation', async () => {
    answers['PUT /bucket/a%20b/c'] = (call) => stored(call);
    const body = Buffer.from('hello');
    const options = {
      sizeBytes: 5,
      createOnly: true,
      md5: createHash('md5').update(body).digest(),
      contentType: 'text/plain',
    };
    await expect(storage.put('a b/c', Readable.from([body]), options)).resolves.toEqual({ etag: '17' });
    expect(calls.at(-1)).toMatchObject({
      body,
      headers: {
        'content-length': '5',
        'content-type': 'text/plain',
        'content-md5': md5(body),
        'x-goog-if-generation-match': '0',
      },
    });
  });

  it('takes back exactly its own generation when other bytes were stored', async () => {
    answers['PUT /bucket/k'] = (call) => stored(call, md5(Buffer.from('other')));
    answers['DELETE /storage/v1/b/bucket/o/k?ifGenerationMatch=17'] = () => ({ status: 204 });
    await expect(storage.put('k', Buffer.from('hello'), { sizeBytes: 5 })).rejects.toMatchObject({
      code: 'integrity',
      retryable: true,
    });
    expect(calls.at(-1)!.line).toBe('DELETE /storage/v1/b/bucket/o/k?ifGenerationMatch=17');
  });

  it('does not take a page for a stored object', async () => {
    answers['PUT /bucket/k'] = () => ({ body: '<html>welcome</html>' });
    await expect(storage.put('k', Buffer.from('x'), { sizeBytes: 1 })).rejects.toMatchObject({
      code: 'provider_error',
    });
  });

  it.each([
    [412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold.', 'conflict'],
    [400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.', 'integrity'],
    [403, 'AccessDenied', 'Access denied.', 'access_denied'],
    [404, 'NoSuchBucket', 'The specified bucket does not exist.', 'bucket_not_found'],
    [401, 'AuthenticationRequired', 'Authentication required.', 'invalid_credentials'],
    [503, 'ServiceUnavailable', 'Try again.', 'storage_rate_limited'],
  ])('reads status %i with code %s of the XML API', async (status, code, message, expected) => {
    const body = `<?xml version='1.0'?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
    answers['PUT /bucket/k'] = () => ({ status, body });
    await expect(storage.put('k', Buffer.from('x'), { sizeBytes: 1 })).rejects.toMatchObject({
      code: expected,
    });
  });

  it('reads ranges and refuses other bytes than were asked for', async () => {
    const headers = { 'x-goog-generation': '17', 'last-modified': 'Sat, 21 Nov 2026 10:00:00 GMT' };
    answers['GET /bucket/k'] = ({ headers: { range } }) => {
      expect(range).toBe('bytes=1-99');
      return { status: 206, headers: { ...headers, 'content-range': 'bytes 1-4/5' }, body: 'ello' };
    };
    const content = await storage.get('k', { range: { start: 1, end: 99 } });
    expect(content).toMatchObject({ sizeBytes: 4, totalBytes: 5, etag: '17' });
    expect(Buffer.concat(await content.body.toArray()).toString()).toBe('ello');

    for (const answer of [
      { status: 200, headers, body: 'hello' },
      { status: 206, headers: { ...headers, 'content-range': 'bytes 0-3/5' }, body: 'hell' },
      { status: 206, headers: { ...headers, 'content-range': 'bytes 1-4/5' }, body: 'ell' },
      { status: 206, headers, body: 'ello' },
    ]) {
      answers['GET /bucket/k'] = () => answer;
      await expect(storage.get('k', { range: { start: 1, end: 99 } })).rejects.toMatchObject({
        code: 'provider_error',
      });
    }
    answers['GET /bucket/k'] = () => ({
      headers: { ...headers, 'x-goog-stored-content-length': '3' },
      body: 'hello',
    });
    await expect(storage.get('k')).rejects.toMatchObject({ code: 'provider_error' });
  });

  it('deletes an object that is absent, but not from a bucket that is absent', async () => {
    const notFound = (message: string) => ({
      status: 404,
      body: { error: { code: 404, message, errors: [{ reason: 'notFound', message }] } },
    });
    answers['DELETE '] = () => notFound('No such object: bucket/k');
    await storage.delete('k');
    answers['DELETE '] = () => notFound('The specified bucket does not exist.');
    await expect(storage.delete('k')).rejects.toMatchObject({ code: 'bucket_not_found' });
  });
});

describe('listings of google_gcs', () => {
  const page = (answer: Answer['body']) => {
    answers['GET /storage/v1/b/bucket/o?'] = () => ({ body: answer });
    return storage.listPage({ prefix: 'a/', cursor: 'c', limit: 2 });
  };

  it('reads a page, its continuation and an empty last page', async () => {
    await expect(page({ kind: 'storage#objects', items: [OBJECT], nextPageToken: 'next' })).resolves.toEqual({
      objects: [{ key: 'a/b', sizeBytes: 5, etag: '17', lastModified: new Date(OBJECT.updated) }],
      nextCursor: 'next',
    });
    expect(calls.at(-1)!.line).toContain('prefix=a%2F&maxResults=2&pageToken=c');
    await expect(page({ kind: 'storage#objects' })).resolves.toEqual({ objects: [], nextCursor: undefined });
  });

  it.each([
    ['a web page', '<html></html>'],
    ['nothing', ''],
    ['an empty object', {}],
    ['another kind', { kind: 'storage#buckets' }],
    ['items that are no list', { kind: 'storage#objects', items: {} }],
    ['an empty token', { kind: 'storage#objects', nextPageToken: '' }],
    ['more than asked for', { kind: 'storage#objects', items: [OBJECT, OBJECT, OBJECT] }],
    ['another bucket’s objects', { kind: 'storage#objects', items: [{ ...OBJECT, bucket: 'other' }] }],
    ['a negative size', { kind: 'storage#objects', items: [{ ...OBJECT, size: '-5' }] }],
    ['no time', { kind: 'storage#objects', items: [{ ...OBJECT, updated: 'soon' }] }],
    ['no generation', { kind: 'storage#objects', items: [{ ...OBJECT, generation: undefined }] }],
  ])('refuses %s', async (_name, answer) => {
    await expect(page(answer)).rejects.toMatchObject({ code: 'provider_error', operation: 'list' });
  });
});

describe('multipart uploads of google_gcs', () => {
  const parts = [
    { partNumber: 1, etag: 'e1', sizeBytes: 3 },
    { partNumber: 2, etag: 'e2', sizeBytes: 2 },
  ];
  const completed = '<CompleteMultipartUploadResult><ETag>"e-2"</ETag></CompleteMultipartUploadResult>';

  it('creates, fills and completes an upload and checks the object', async () => {
    answers['POST /bucket/k?uploads'] = () => ({
      body: '<InitiateMultipartUploadResult xmlns="x"><UploadId>u/1</UploadId></InitiateMultipartUploadResult>',
    });
    answers['PUT /bucket/k?partNumber=1&uploadId=u%2F1'] = (call) => stored(call);
    answers['POST /bucket/k?uploadId=u%2F1'] = () => ({ body: completed });
    answers['GET /storage/v1/b/bucket/o/k'] = () => ({ body: { ...OBJECT, name: 'k' } });
    const multipart = storage.multipart!;
    await expect(multipart.create('k', {})).resolves.toEqual({ uploadId: 'u/1' });
    await expect(multipart.uploadPart('k', 'u/1', 1, Buffer.from('abc'), { sizeBytes: 3 })).resolves.toEqual({
      partNumber: 1,
      etag: 'e',
      sizeBytes: 3,
    });
    await expect(multipart.complete('k', 'u/1', parts, {})).resolves.toEqual({ etag: '17' });
    expect(calls.at(-2)!.body.toString()).toBe(
      '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&#34;e1&#34;</ETag></Part>' +
        '<Part><PartNumber>2</PartNumber><ETag>&#34;e2&#34;</ETag></Part></CompleteMultipartUpload>',
    );
    await expect(multipart.complete('k', 'u/1', parts, { createOnly: true })).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(multipart.complete('k', 'u/1', parts.slice(1), {})).rejects.toMatchObject({
      code: 'integrity',
    });
  });

  it('does not take a page or an error with status 200 for a completed upload', async () => {
    answers['POST /bucket/k?uploadId=u'] = () => ({ body: '<html><body>ok</body></html>' });
    await expect(storage.multipart!.complete('k', 'u', parts, {})).rejects.toMatchObject({
      code: 'provider_error',
    });
    answers['POST /bucket/k?uploadId=u'] = () => ({
      body: '<Error><Code>InvalidPart</Code><Message>m</Message></Error>',
    });
    await expect(storage.multipart!.complete('k', 'u', parts, {})).rejects.toMatchObject({
      code: 'integrity',
    });
  });

  it('aborts an upload that is gone', async () => {
    answers['DELETE /bucket/k?uploadId=u'] = () => ({
      status: 404,
      body: '<Error><Code>NoSuchUpload</Code><Message>m</Message></Error>',
    });
    await expect(storage.multipart!.abort('k', 'u')).resolves.toBeUndefined();
  });

  it('lists the parts of an upload over all pages, or fails', async () => {
    const part = (number: number) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>"e${number}"</ETag><Size>7</Size></Part>`;
    const list = (content: string) => `<ListPartsResult>${content}</ListPartsResult>`;
    const truncated = (is: boolean) => `<IsTruncated>${is}</IsTruncated>`;
    answers['GET /bucket/k?uploadId=u'] = ({ line }) => ({
      body: line.includes('part-number-marker=1')
        ? list(truncated(false) + part(2))
        : list(truncated(true) + part(1)),
    });
    expect(await storage.multipart!.listParts('k', 'u')).toEqual(
      [1, 2].map((number) => ({ partNumber: number, etag: `e${number}`, sizeBytes: 7 })),
    );
    const [nameless] = part(1).split('<ETag>');
    for (const content of ['', truncated(true), truncated(true) + part(1), `${nameless}</Part>`]) {
      answers['GET /bucket/k?uploadId=u'] = () => ({ body: list(content) });
      await expect(storage.multipart!.listParts('k', 'u')).rejects.toMatchObject({ code: 'provider_error' });
    }
  });

  it('lists unfinished uploads over all pages, or fails', async () => {
    const upload = (key: string) =>
      `<Upload><Key>${key}</Key><UploadId>u</UploadId><Initiated>2026-11-21T10:00:00.000Z</Initiated></Upload>`;
    const more =
      '<IsTruncated>true</IsTruncated><NextKeyMarker>p/a</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>';
    const list = (content: string) => `<ListMultipartUploadsResult>${content}</ListMultipartUploadsResult>`;
    answers['GET /bucket/?uploads='] = ({ line }) => ({
      body: line.includes('key-marker=p%2Fa')
        ? list(`<IsTruncated>false</IsTruncated>${upload('p/b')}`)
        : list(more + upload('p/a')),
    });
    const found = await storage.multipart!.listUnfinished!('p/');
    expect(found.map(({ key }) => key)).toEqual(['p/a', 'p/b']);
    for (const content of ['', more, `<IsTruncated>false</IsTruncated>${upload('other/a')}`]) {
      answers['GET /bucket/?uploads='] = () => ({ body: list(content) });
      await expect(storage.multipart!.listUnfinished!('p/')).rejects.toMatchObject({
        code: 'provider_error',
      });
    }
  });
});
