import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHash } from 'node:crypto';
import { createDialer } from '../dialer.js';
import { strictList } from '../strict-list.js';
import type { ConnectContext, ObjectStorage } from '../storage-provider.js';
import { azureBlob } from './azure-blob.js';

type Call = { line: string; headers: IncomingMessage['headers']; body: Buffer };
type Answer = { status?: number; headers?: Record<string, string>; body?: string };

const NOW = Date.UTC(2026, 10, 22, 6, 30);
const settings = {
  bucket_name: 'cont',
  account_name: 'myaccount',
  account_key: Buffer.alloc(64, 7).toString('base64'),
};

let server: Server;
let storage: ObjectStorage;
let context: ConnectContext;
let calls: Call[];
let answer: (call: Call) => Answer;

beforeEach(async () => {
  calls = [];
  server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context = {
    dialer: createDialer({ allowedPrivateEndpoints: ['127.0.0.1'] }),
    localDiskRoot: '/nowhere',
    timeouts: { connectMs: 1_000, responseMs: 2_000, idleBodyMs: 2_000 },
    azureEndpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/myaccount/`,
    now: () => NOW,
  };
  storage = azureBlob.connect(settings, context);
});

afterEach(async () => {
  await storage.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const call = {
    line: `${request.method} ${request.url}`,
    headers: request.headers,
    body: Buffer.concat(chunks),
  };
  calls.push(call);
  const { status = 200, headers, body = '' } = answer(call);
  const usual = {
    date: new Date(NOW).toUTCString(),
    'x-ms-request-id': 'r-1',
    'x-ms-version': '2023-11-03',
    etag: '"0x1"',
    'content-length': String(Buffer.byteLength(body)),
  };
  response.writeHead(status, { ...usual, ...headers }).end(body);
}

const PLAIN = { 'x-ms-request-id': '', 'x-ms-version': '' };
const page = (blobs: string, end = '<NextMarker />') =>
  `\uFEFF<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://x/" ContainerName="cont"><Blobs>${blobs}</Blobs>${end}</EnumerationResults>`;
const blob = (name: string, more = '', attributes = '') =>
  `<Blob><Name${attributes}>${name}</Name><Properties><Last-Modified>Sat, 21 Nov 2026 10:00:00 GMT</Last-Modified>` +
  `<Etag>0x8D1</Etag><Content-Length>5</Content-Length>${more}</Properties></Blob>`;

describe('settings of azure_blob', () => {
  it.each([
    'evil.example/#',
    'x@evil',
    'a',
    'UPPER',
    'a'.repeat(25),
    'a/../b',
    'DefaultEndpointsProtocol=https',
  ])('forms no host from the account name %p', (account_name) => {
    expect(() => azureBlob.endpointOf({ ...settings, account_name })).toThrow(TypeError);
    const { azureEndpoint: _azureEndpoint, ...atAzure } = context;
    expect(() => azureBlob.connect({ ...settings, account_name }, atAzure)).toThrow(TypeError);
  });

  it('names the host of the account', () => {
    expect(azureBlob.endpointOf(settings)?.href).toBe('https://myaccount.blob.core.windows.net/');
  });
});

describe('objects of azure_blob', () => {
  it('puts a blob under its conditions', async () => {
    answer = () => ({ status: 201 });
    const md5 = createHash('md5').update('hello').digest();
    const options = { sizeBytes: 5, createOnly: true, md5, contentType: 'text/plain' };
    await expect(storage.put(`a b/c'd`, Buffer.from('hello'), options)).resolves.toEqual({ etag: '0x1' });
    expect(calls[0]).toMatchObject({
      line: 'PUT /myaccount/cont/a%20b/c%27d',
      headers: {
        'content-length': '5',
        'content-md5': md5.toString('base64'),
        'if-none-match': '*',
        'x-ms-blob-type': 'BlockBlob',
        'x-ms-blob-content-type': 'text/plain',
        'x-ms-date': 'Sun, 22 Nov 2026 06:30:00 GMT',
        authorization: expect.stringMatching(/^SharedKey myaccount:[A-Za-z0-9+/]{43}=$/),
      },
    });
  });

  it('takes back exactly what it wrote when other bytes were stored', async () => {
    answer = ({ line }) =>
      line.startsWith('PUT') ? { status: 201, headers: { 'content-md5': 'b3RoZXI=' } } : { status: 202 };
    await expect(storage.put('k', Buffer.from('hello'), { sizeBytes: 5 })).rejects.toMatchObject({
      code: 'integrity',
    });
    expect(calls[1]).toMatchObject({ line: 'DELETE /myaccount/cont/k', headers: { 'if-match': '"0x1"' } });
  });

  it('does not take a page of somebody else for an answer', async () => {
    answer = () => ({ status: 200, headers: PLAIN, body: '<html>welcome</html>' });
    await expect(storage.put('k', Buffer.from('x'), { sizeBytes: 1 })).rejects.toMatchObject({
      code: 'provider_error',
    });
    answer = () => ({ status: 404, headers: PLAIN, body: '<html>no such page</html>' });
    await expect(storage.head('k')).rejects.toMatchObject({ name: 'StorageError' });
  });

  it.each([
    [409, 'BlobAlreadyExists', 'conflict'],
    [412, 'ConditionNotMet', 'conflict'],
    [404, 'ContainerNotFound', 'bucket_not_found'],
    [403, 'AuthenticationFailed', 'invalid_credentials'],
    [403, 'AuthorizationPermissionMismatch', 'access_denied'],
    [400, 'Md5Mismatch', 'integrity'],
    [503, 'ServerBusy', 'storage_rate_limited'],
  ])('reads status %i with code %s', async (status, code, expected) => {
    answer = () => ({ status, headers: { 'x-ms-error-code': code } });
    await expect(storage.put('k', Buffer.from('x'), { sizeBytes: 1 })).rejects.toMatchObject({
      code: expected,
      providerCode: code,
      requestId: 'r-1',
    });
  });

  it('deletes a blob that is absent with its snapshots, but not from a container that is absent', async () => {
    answer = () => ({ status: 404, headers: { 'x-ms-error-code': 'BlobNotFound' } });
    await storage.delete('k');
    expect(calls[0]?.headers['x-ms-delete-snapshots']).toBe('include');
    answer = () => ({ status: 404, headers: { 'x-ms-error-code': 'ContainerNotFound' } });
    await expect(storage.delete('k')).rejects.toMatchObject({ code: 'bucket_not_found' });
  });
});

describe('ranges and HEAD of azure_blob', () => {
  it('refuses a range beyond the object although the server answers nothing well', async () => {
    answer = () => ({
      status: 206,
      headers: { 'content-range': 'bytes 5-4/5', 'last-modified': new Date(NOW).toUTCString() },
    });
    await expect(storage.get('k', { range: { start: 5, end: 9 } })).rejects.toMatchObject({
      providerCode: 'InvalidRange',
      retryable: false,
    });
  });

  it('asks for the text that tells why HEAD was refused', async () => {
    const text =
      'Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly.';
    answer = ({ line }) => ({
      status: 403,
      headers: { 'x-ms-error-code': 'AuthorizationFailure' },
      body: line.startsWith('HEAD')
        ? ''
        : `<Error><Code>AuthorizationFailure</Code><Message>${text}</Message></Error>`,
    });
    await expect(storage.head('k')).rejects.toMatchObject({ code: 'invalid_credentials', operation: 'head' });
    answer = ({ line }) =>
      line.startsWith('HEAD')
        ? { status: 403, headers: { 'x-ms-error-code': 'AuthorizationFailure' } }
        : { body: 'x' };
    await expect(storage.head('k')).rejects.toMatchObject({ code: 'access_denied' });
  });
});

describe('listings of azure_blob', () => {
  const list = (body: string) => {
    answer = () => ({ body });
    return storage.listPage({ prefix: 'p/', limit: 2, cursor: 'm' });
  };

  it('reads a page, odd names, folders and the end', async () => {
    const odd = blob('p/%EF%BF%BE', '', ' Encoded="true"');
    const folder = blob('p/folder', '<ResourceType>directory</ResourceType>');
    await expect(list(page(odd + folder, '<NextMarker>n</NextMarker>'))).resolves.toEqual({
      objects: [
        { key: 'p/\uFFFE', sizeBytes: 5, etag: '0x8D1', lastModified: new Date('2026-11-21T10:00:00Z') },
      ],
      nextCursor: 'n',
    });
    expect(calls[0]?.line).toBe(
      'GET /myaccount/cont?restype=container&comp=list&maxresults=2&prefix=p%2F&marker=m',
    );
    await expect(list(page(''))).resolves.toEqual({ objects: [], nextCursor: undefined });
  });

  /** A service that orders by UTF-16 units and gives `size` names a page. */
  const serveInUnitOrder = (names: string[], size: number) => {
    answer = ({ line }) => {
      const at = Number(new URLSearchParams(line.split('?')[1]).get('marker') ?? 0);
      const isLast = at + size >= names.length;
      const end = isLast ? '<NextMarker/>' : `<NextMarker>${at + size}</NextMarker>`;
      const shown = names.toSorted().slice(at, at + size);
      return { body: page(shown.map((name) => blob(name)).join(''), end) };
    };
  };

  it.each([1, 2, 3, 100])('puts names that come in UTF-16 order by %i into byte order', async (size) => {
    const ends = [
      '',
      '0',
      'z',
      '\ue000',
      '\uffee',
      '\ufffd',
      '\u{10000}',
      '\u{1f600}',
      '\u{1f600}\ufffd',
      '\u{10ffff}',
    ];
    const names = ends.flatMap((one) => ends.map((two) => `p/${one}/${two}a`));
    serveInUnitOrder(names, size);
    const keys: string[] = [];
    for await (const { key } of strictList(storage, { prefix: 'p/', pageSize: size })) keys.push(key);
    expect(keys).toEqual(names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });

  it('reads on only where it must, and leaves other disorder as it is', async () => {
    serveInUnitOrder(['p/a', 'p/b', 'p/c'], 1);
    await expect(storage.listPage({ prefix: 'p/', limit: 1 })).resolves.toMatchObject({
      objects: [{ key: 'p/a' }],
    });
    expect(calls).toHaveLength(1);
    const { objects } = await list(page(blob('p/b') + blob('p/a')));
    expect(objects.map(({ key }) => key)).toEqual(['p/b', 'p/a']);
  });

  it.each([
    ['a web page', '<html></html>'],
    ['nothing', ''],
    ['a cut page', page(blob('p/a')).slice(0, -10)],
    ['no list', '<EnumerationResults><NextMarker/></EnumerationResults>'],
    ['no end', page('', '')],
    ['another container', page(blob('p/a')).replace('"cont"', '"other"')],
    ['more than asked for', page(blob('p/a') + blob('p/b') + blob('p/c'))],
    ['a blob without a name', page(blob(''))],
    ['a name that cannot be read', page(blob('%FF', '', ' Encoded="true"'))],
    ['a negative size', page(blob('p/a').replace('>5<', '>-5<'))],
    ['no time', page(blob('p/a').replace('Sat, 21 Nov 2026 10:00:00 GMT', 'soon'))],
  ])('refuses %s', async (_name, body) => {
    await expect(list(body)).rejects.toMatchObject({ code: 'provider_error', operation: 'list' });
  });
});

describe('multipart uploads of azure_blob', () => {
  it('commits the blocks of its own parts, in order', async () => {
    answer = () => ({ status: 201 });
    const { uploadId } = await storage.multipart!.create('k', {});
    const second = await storage.multipart!.uploadPart('k', uploadId, 2, Buffer.from('b'), { sizeBytes: 1 });
    const first = await storage.multipart!.uploadPart('k', uploadId, 1, Buffer.from('a'), { sizeBytes: 1 });
    await storage.multipart!.complete('k', uploadId, [second, first], {
      createOnly: true,
      contentType: 'a/b',
    });
    expect(first.etag).toHaveLength(second.etag.length);
    expect(Buffer.from(first.etag, 'base64').byteLength).toBeLessThanOrEqual(64);
    expect(calls.at(-1)).toMatchObject({
      line: 'PUT /myaccount/cont/k?comp=blocklist',
      headers: { 'if-none-match': '*', 'x-ms-blob-content-type': 'a/b' },
      body: Buffer.from(
        `<BlockList><Uncommitted>${first.etag}</Uncommitted><Uncommitted>${second.etag}</Uncommitted></BlockList>`,
      ),
    });
    const { uploadId: other } = await storage.multipart!.create('k', {});
    await expect(storage.multipart!.complete('k', other, [first], {})).rejects.toMatchObject({
      code: 'integrity',
    });
    await expect(storage.multipart!.complete('k', '../x', [first], {})).rejects.toMatchObject({
      code: 'object_not_found',
    });
  });
});

describe('signed URLs of azure_blob', () => {
  it('permit one thing on one blob until they expire, at the version that is signed for', async () => {
    const { url, expiresAt } = await storage.signedUrls!.signGet('a b', {
      expiresInSeconds: 60,
      contentType: 'text/plain',
      contentDisposition: 'attachment',
    });
    expect(Object.fromEntries(new URL(url).searchParams)).toMatchObject({
      sp: 'r',
      sr: 'b',
      sv: '2023-11-03',
      se: '2026-11-22T06:31:00Z',
      rscd: 'attachment',
      rsct: 'text/plain',
    });
    expect(new URL(url).pathname).toBe('/myaccount/cont/a%20b');
    expect(expiresAt).toEqual(new Date('2026-11-22T06:31:00Z'));
    const { azureEndpoint: _azureEndpoint, ...atAzure } = context;
    const atMicrosoft = azureBlob.connect(settings, atAzure);
    const put = await atMicrosoft.signedUrls!.signPut('k', {
      expiresInSeconds: 60,
      sizeBytes: 1,
      createOnly: true,
    });
    await atMicrosoft.close();
    expect(put.url).toMatch(/^https:\/\/myaccount\.blob\.core\.windows\.net\/cont\/k\?/);
    expect(Object.fromEntries(new URL(put.url).searchParams)).toMatchObject({ sp: 'c', spr: 'https' });
    expect(put.headers).toEqual({ 'x-ms-blob-type': 'BlockBlob', 'if-none-match': '*' });
    const overwrite = await storage.signedUrls!.signPut('k', { expiresInSeconds: 60, sizeBytes: 1 });
    expect(new URL(overwrite.url).searchParams.get('sp')).toBe('cw');
  });
});
