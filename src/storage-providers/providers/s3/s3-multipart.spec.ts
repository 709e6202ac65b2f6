import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ScriptedS3, type Script } from '../../../../test/support/scripted-s3.js';
import type { MultipartUploads } from '../../storage-provider.js';
import { AWS_QUIRKS } from '../aws-s3.js';

const PROTOCOL_ERROR = { code: 'provider_error', providerCode: 'PROVIDER_PROTOCOL_ERROR' };
const PARTS = [
  { partNumber: 1, etag: 'e1', sizeBytes: 3 },
  { partNumber: 2, etag: 'e2', sizeBytes: 2 },
];
const completed = (etag: string) =>
  `<CompleteMultipartUploadResult><Key>k</Key><ETag>${etag}</ETag></CompleteMultipartUploadResult>`;
const errorXml = (code: string) => `<Error><Code>${code}</Code></Error>`;

let server: ScriptedS3;
let multipart: MultipartUploads;

beforeEach(async () => {
  server = await ScriptedS3.start();
  multipart = server.open().multipart;
});
afterEach(() => server.stop());

/** Answers HEAD with an object of this size, GET with "no such key" when there is none, all else by `rest`. */
function headAnswers(sizeBytes: number | undefined, rest: Script): Script {
  return (request, response) => {
    if (request.method === 'HEAD' && sizeBytes !== undefined) {
      const date = 'Sun, 22 Nov 2026 07:00:00 GMT';
      response.writeHead(200, { etag: '"x-2"', 'content-length': sizeBytes, 'last-modified': date }).end();
    } else if (request.method === 'HEAD') response.writeHead(404).end();
    else if (request.method === 'GET') response.writeHead(404).end(errorXml('NoSuchKey'));
    else rest(request, response);
  };
}

describe('create and uploadPart', () => {
  it('begins an upload with its type', async () => {
    server.always(
      200,
      {},
      '<InitiateMultipartUploadResult><UploadId>id/1</UploadId></InitiateMultipartUploadResult>',
    );
    await expect(multipart.create('a b', { contentType: 'video/mp4' })).resolves.toEqual({
      uploadId: 'id/1',
    });
    expect(server.seen[0]).toMatchObject({ method: 'POST', headers: { 'content-type': 'video/mp4' } });
    expect(server.seen[0]?.url).toMatch(/^\/box\/a%20b\?uploads/);
  });

  it.each([
    ['no id', '<InitiateMultipartUploadResult></InitiateMultipartUploadResult>'],
    ['a web page', '<html></html>'],
  ])('refuses %s', async (_what, body) => {
    server.always(200, {}, body);
    await expect(multipart.create('k', {})).rejects.toMatchObject(PROTOCOL_ERROR);
  });

  it('sends a part with its number and digest', async () => {
    const md5 = createHash('md5').update('abc').digest();
    const part = await multipart.uploadPart('k', 'id/1', 2, Buffer.from('abc'), { sizeBytes: 3, md5 });
    expect(part).toEqual({ partNumber: 2, etag: 'e', sizeBytes: 3 });
    expect(server.seen[0]).toMatchObject({
      method: 'PUT',
      url: '/box/k?partNumber=2&uploadId=id%2F1',
      headers: { 'content-md5': md5.toString('base64'), 'content-length': '3' },
    });
  });
});

describe('complete', () => {
  it('lists the parts and answers the ETag', async () => {
    server.always(200, {}, completed('&quot;abc-2&quot;'));
    await expect(multipart.complete('k', 'id', PARTS, { createOnly: true })).resolves.toEqual({
      etag: 'abc-2',
    });
    const [{ headers, body }] = [server.seen[0]!];
    expect(headers).toMatchObject({
      'if-none-match': '*',
      'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
    });
    expect(body.toString()).toMatch(/<Part><ETag>(&quot;|")e1\1<\/ETag><PartNumber>1<\/PartNumber><\/Part>/);
  });

  it.each([
    ['a web page', '<html></html>'],
    ['nothing', ''],
    ['another document', '<ListBucketResult></ListBucketResult>'],
  ])('refuses %s with status 200', async (_what, body) => {
    server.always(200, {}, body);
    await expect(multipart.complete('k', 'id', PARTS, {})).rejects.toMatchObject(PROTOCOL_ERROR);
  });

  it('finds the error in an answer that began with status 200', async () => {
    server.always(200, {}, `\n  \n${errorXml('InternalError')}`);
    await expect(multipart.complete('k', 'id', PARTS, {})).rejects.toMatchObject({
      code: 'storage_rate_limited',
      retryable: true,
    });
  });

  it('asks the object itself when the answer has an empty ETag, as that of Ceph', async () => {
    const answerEmpty: Script = (_request, response) => void response.writeHead(200).end(completed(''));
    server.script = headAnswers(5, answerEmpty);
    await expect(multipart.complete('k', 'id', PARTS, {})).resolves.toEqual({ etag: 'x-2' });
    server.script = headAnswers(4, answerEmpty);
    await expect(multipart.complete('k', 'id', PARTS, {})).rejects.toMatchObject(PROTOCOL_ERROR);
  });

  it('looks before where the provider does not check: conflict when there is an object', async () => {
    const quirks = { ...AWS_QUIRKS, addressing: 'path', conditionalComplete: false } as const;
    const unconditional = server.open({ quirks }).multipart;
    const answer: Script = (_request, response) => void response.writeHead(200).end(completed('abc-2'));
    server.script = headAnswers(5, answer);
    await expect(unconditional.complete('k', 'id', PARTS, { createOnly: true })).rejects.toMatchObject({
      code: 'conflict',
    });
    server.script = headAnswers(undefined, answer);
    await expect(unconditional.complete('k', 'id', PARTS, { createOnly: true })).resolves.toEqual({
      etag: 'abc-2',
    });
    expect(server.seen.at(-1)?.headers).not.toHaveProperty('if-none-match');
  });
});

describe('abort', () => {
  it('is done when the upload is gone', async () => {
    server.always(404, {}, errorXml('NoSuchUpload'));
    await expect(multipart.abort('k', 'id/1')).resolves.toBeUndefined();
    expect(server.seen[0]).toMatchObject({ method: 'DELETE', url: '/box/k?uploadId=id%2F1' });
    server.always(403, {}, errorXml('AccessDenied'));
    await expect(multipart.abort('k', 'id')).rejects.toMatchObject({ permission: 's3:AbortMultipartUpload' });
  });
});

describe('listParts', () => {
  const part = (number: number) =>
    `<Part><PartNumber>${number}</PartNumber><ETag>&quot;e${number}&quot;</ETag><Size>7</Size></Part>`;
  const page = (inside: string, truncated = false) =>
    `<ListPartsResult><UploadId>u</UploadId><IsTruncated>${truncated}</IsTruncated>${inside}</ListPartsResult>`;

  it('reads all pages', async () => {
    server.script = ({ url }, response) => {
      const isSecond = new URL(url, 'http://s3').searchParams.get('part-number-marker') === '2';
      response.writeHead(200).end(isSecond ? page(part(9)) : page(part(1) + part(2), true));
    };
    expect(await multipart.listParts('k', 'u')).toEqual(
      [1, 2, 9].map((number) => ({ partNumber: number, etag: `e${number}`, sizeBytes: 7 })),
    );
  });

  it.each([
    ['parts of another upload', page('').replace('<UploadId>u<', '<UploadId>v<')],
    ['no end', '<ListPartsResult><UploadId>u</UploadId></ListPartsResult>'],
    ['more without a part', page('', true)],
    ['the same page again', page(part(1), true)],
    ['a part without an ETag', page(part(1).replace(/<ETag>.*<\/ETag>/, ''))],
    ['a part without a size', page(part(1).replace(/<Size>.*<\/Size>/, ''))],
  ])('refuses %s', async (_what, body) => {
    server.always(200, {}, body);
    await expect(multipart.listParts('k', 'u')).rejects.toMatchObject(PROTOCOL_ERROR);
  });
});

describe('listUnfinished', () => {
  const upload = (key: string) =>
    `<Upload><Key>${key}</Key><UploadId>u-${key}</UploadId><Initiated>2026-11-22T07:00:00.000Z</Initiated></Upload>`;
  const page = (inside: string, truncated = false) =>
    `<ListMultipartUploadsResult><Bucket>box</Bucket><IsTruncated>${truncated}</IsTruncated>${inside}</ListMultipartUploadsResult>`;
  const markers = (key: string, id: string) =>
    `<NextKeyMarker>${key}</NextKeyMarker><NextUploadIdMarker>${id}</NextUploadIdMarker>`;

  it('reads all pages', async () => {
    server.script = ({ url }, response) => {
      const isSecond = new URL(url, 'http://s3').searchParams.get('key-marker') === 'p/a';
      response
        .writeHead(200)
        .end(isSecond ? page(upload('p/b')) : page(upload('p/a') + markers('p/a', 'u-p/a'), true));
    };
    const uploads = await multipart.listUnfinished?.('p/');
    expect(uploads).toEqual([
      { key: 'p/a', uploadId: 'u-p/a', startedAt: new Date('2026-11-22T07:00:00Z') },
      { key: 'p/b', uploadId: 'u-p/b', startedAt: new Date('2026-11-22T07:00:00Z') },
    ]);
  });

  it.each([
    ['uploads elsewhere', page(upload('q/a'))],
    ['another bucket', page('').replace('box', 'other')],
    ['no end', '<ListMultipartUploadsResult><Bucket>box</Bucket></ListMultipartUploadsResult>'],
    ['more without a marker', page(upload('p/a'), true)],
    ['a marker that repeats', page(upload('p/a') + markers('p/a', 'u'), true)],
    ['an upload without an id', page(upload('p/a').replace(/<UploadId>.*<\/UploadId>/, ''))],
  ])('refuses %s', async (_what, body) => {
    server.always(200, {}, body);
    await expect(multipart.listUnfinished?.('p/')).rejects.toMatchObject(PROTOCOL_ERROR);
  });
});
