import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import aws4 from 'aws4';
import { expectSameBytes } from '../support/same-bytes.js';
import { sendRaw } from '../support/send-raw.js';
import { startS3Double, type S3Double } from '../support/s3-double/s3-double.js';
import { bodyOf, Bucket, clientOf, refusal } from './foreign-s3.js';

const MIB = 1024 * 1024;

describe('the S3 double, asked by the AWS SDK', () => {
  let double: S3Double;
  let client: S3Client;

  beforeAll(async () => {
    double = await startS3Double({ minPartBytes: 5 * MIB });
    client = clientOf(double);
  });

  afterAll(async () => {
    client.destroy();
    await double.stop();
  });

  const put = (Key: string, Body: PutObjectCommand['input']['Body'], more = {}, by = client) =>
    by.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));

  it('keeps a buffer with the SDK’s default checksum and gives it back', async () => {
    const bytes = randomBytes(100_000);
    const stored = await put('plain', bytes, { ContentType: 'image/png', Metadata: { made: 'here' } });
    expect(stored.ETag).toBe(`"${createHash('md5').update(bytes).digest('hex')}"`);
    expect(stored.ChecksumCRC32).toBeDefined();
    expectSameBytes(await bodyOf(client, 'plain'), bytes);
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'plain' }));
    expect(head).toMatchObject({
      ContentLength: 100_000,
      ContentType: 'image/png',
      Metadata: { made: 'here' },
    });
  });

  it('takes the aws-chunked framing off a stream and checks its trailing checksum', async () => {
    const bytes = randomBytes(3 * MIB + 17);
    const chunks = Array.from({ length: 49 }, (_, index) =>
      bytes.subarray(index * 65_536, (index + 1) * 65_536),
    );
    await put('streamed', Readable.from(chunks, { objectMode: false }), { ContentLength: bytes.length });
    expectSameBytes(await bodyOf(client, 'streamed'), bytes);
    const call = double.log.of('PutObject').at(-1)!;
    expect(call.requestHeaders['x-amz-content-sha256']).toBe('STREAMING-UNSIGNED-PAYLOAD-TRAILER');
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'streamed' }));
    expect(head.ContentEncoding).toBeUndefined();
  });

  it('refuses a stream whose length is not the declared one, and keeps nothing', async () => {
    const short = put('short', Readable.from([randomBytes(9000)], { objectMode: false }), {
      ContentLength: 9001,
    });
    expect(await refusal(short)).toMatchObject({ status: 400 });
    expect(double.store.find(Bucket, 'short')).toBeUndefined();
  });

  it('refuses wrong secrets, unknown keys, wrong regions and wrong clocks as AWS does', async () => {
    const { accessKeyId, secretAccessKey } = double.credentials;
    const asked = (config: S3ClientConfig) => refusal(put('x', 'x', {}, clientOf(double, config)));
    expect(await asked({ credentials: { accessKeyId, secretAccessKey: 'wrong' } })).toMatchObject({
      code: 'SignatureDoesNotMatch',
      status: 403,
    });
    expect(await asked({ credentials: { accessKeyId: 'AKIAUNKNOWN', secretAccessKey } })).toMatchObject({
      code: 'InvalidAccessKeyId',
      status: 403,
    });
    expect(await asked({ region: 'us-east-2' })).toMatchObject({
      code: 'AuthorizationHeaderMalformed',
      status: 400,
      message:
        "The authorization header is malformed; the region 'us-east-2' is wrong; expecting 'eu-west-1'",
    });
    expect(
      await asked({ credentials: { accessKeyId, secretAccessKey, sessionToken: 'stolen' } }),
    ).toMatchObject({
      code: 'InvalidToken',
    });
    double.clockOffsetMs = 16 * 60_000;
    expect(await asked({})).toMatchObject({ code: 'RequestTimeTooSkewed', status: 403 });
    double.clockOffsetMs = 0;
  });

  it('refuses requests that nobody signed', async () => {
    const answer = await fetch(`${double.endpoint}/${Bucket}/plain`);
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('<Code>AccessDenied</Code>');
  });

  it('names the missing permission', async () => {
    const readOnly = clientOf(double, { credentials: double.users.readOnly });
    const denied = await refusal(put('x', 'x', {}, readOnly));
    expect(denied).toMatchObject({ code: 'AccessDenied', status: 403 });
    expect(denied.message).toContain(
      'is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::stowage-test/x"',
    );
    const noList = clientOf(double, { credentials: double.users.noList });
    expect(await refusal(noList.send(new GetObjectCommand({ Bucket, Key: 'never-was' })))).toMatchObject({
      status: 403,
    });
    const noDelete = clientOf(double, { credentials: double.users.noDelete });
    expect(await refusal(noDelete.send(new DeleteObjectCommand({ Bucket, Key: 'plain' })))).toMatchObject({
      status: 403,
    });
  });

  it('checks every digest that it is given', async () => {
    const wrong = createHash('sha256').update('other').digest('base64');
    expect(await refusal(put('d', 'body', { ChecksumSHA256: wrong }))).toMatchObject({ code: 'BadDigest' });
    expect(await refusal(put('d', 'body', { ChecksumCRC32: 'AAAAAA==' }))).toMatchObject({
      code: 'BadDigest',
    });
    const md5 = createHash('md5').update('other').digest('base64');
    const plain = clientOf(double, { requestChecksumCalculation: 'WHEN_REQUIRED' });
    expect(await refusal(put('d', 'body', { ContentMD5: md5 }, plain))).toMatchObject({ code: 'BadDigest' });
    expect(await refusal(put('d', 'body', { ContentMD5: 'AAAA' }, plain))).toMatchObject({
      code: 'InvalidDigest',
    });
    expect(double.store.find(Bucket, 'd')).toBeUndefined();
  });

  it('lets one of ten parallel creators win', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, index) => refusal(put('once', `writer ${index}`, { IfNoneMatch: '*' }))),
    );
    expect(outcomes.filter(({ code }) => code === 'none')).toHaveLength(1);
    expect(
      outcomes.filter(({ code, status }) => code === 'PreconditionFailed' && status === 412),
    ).toHaveLength(9);
    expect(await refusal(put('once', 'x', { IfMatch: '"other"' }))).toMatchObject({
      code: 'PreconditionFailed',
    });
  });

  it('serves ranges and refuses impossible ones', async () => {
    await put('range', '0123456789');
    expect((await bodyOf(client, 'range', 'bytes=2-4')).toString()).toBe('234');
    expect((await bodyOf(client, 'range', 'bytes=-3')).toString()).toBe('789');
    expect((await bodyOf(client, 'range', 'bytes=8-99')).toString()).toBe('89');
    expect(await refusal(bodyOf(client, 'range', 'bytes=10-'))).toMatchObject({
      code: 'InvalidRange',
      status: 416,
    });
  });

  it('lists in byte order, in pages, by prefix and delimiter', async () => {
    // U+1F600 sorts after U+FFFD in bytes, but before it in UTF-16.
    const keys = [
      'l/a',
      'l/a b',
      'l/b/1',
      'l/b/2',
      'l/c',
      'l/é',
      'l/\ufffd',
      'l/\u{1f600}',
      'l/<&">',
      'l/+%2F',
    ];
    await Promise.all(keys.map((key) => put(key, key)));
    const listed: string[] = [];
    for await (const page of paginateListObjectsV2({ client, pageSize: 3 }, { Bucket, Prefix: 'l/' })) {
      expect(page.KeyCount).toBe(page.Contents?.length);
      listed.push(...(page.Contents ?? []).map(({ Key }) => Key!));
    }
    expect(listed).toEqual([...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    const folders: string[] = [];
    for await (const page of paginateListObjectsV2(
      { client, pageSize: 2 },
      { Bucket, Prefix: 'l/', Delimiter: '/' },
    )) {
      folders.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix!));
    }
    expect(folders).toEqual(['l/b/']);
    const after = await client.send(
      new ListObjectsV2Command({ Bucket, Prefix: 'l/', StartAfter: 'l/b/2', MaxKeys: 1 }),
    );
    expect(after.Contents?.[0]?.Key).toBe('l/c');
  });

  it('keeps odd keys as they are', async () => {
    const keys = [
      'odd/.',
      'odd/..',
      'odd/a/../b',
      'odd//double',
      'odd/ space ',
      'odd/+plus',
      'odd/%41',
      "odd/!'()*",
      'odd/ü',
    ];
    await Promise.all(keys.map((key) => put(key, key)));
    for (const key of keys) expect((await bodyOf(client, key)).toString()).toBe(key);
  });

  it('assembles multipart uploads and finds their faults', async () => {
    const Key = 'multi';
    const parts = [randomBytes(5 * MIB), randomBytes(5 * MIB), randomBytes(10)];
    const { UploadId } = await client.send(
      new CreateMultipartUploadCommand({ Bucket, Key, ContentType: 'text/x' }),
    );
    const etags = await Promise.all(
      parts.map(async (Body, index) => {
        const { ETag } = await client.send(
          new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: index + 1, Body }),
        );
        return { ETag, PartNumber: index + 1 };
      }),
    );
    const complete = (Parts: object[], id = UploadId) =>
      client.send(
        new CompleteMultipartUploadCommand({ Bucket, Key, UploadId: id, MultipartUpload: { Parts } }),
      );
    expect((await client.send(new ListPartsCommand({ Bucket, Key, UploadId }))).Parts).toHaveLength(3);
    const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'mul' }));
    expect(uploads.Uploads?.map((upload) => upload.Key)).toEqual(['multi']);
    expect(await refusal(complete([...etags].reverse()))).toMatchObject({ code: 'InvalidPartOrder' });
    expect(await refusal(complete([{ ETag: '"no"', PartNumber: 1 }]))).toMatchObject({ code: 'InvalidPart' });
    expect(await refusal(complete([etags[2]!, { ...etags[0]!, PartNumber: 4 }]))).toMatchObject({
      code: 'InvalidPart',
    });
    expect(await refusal(complete(etags, 'unknown'))).toMatchObject({ code: 'NoSuchUpload', status: 404 });
    const done = await complete(etags);
    expect(done.ETag).toMatch(/-3"$/);
    expectSameBytes(await bodyOf(client, Key), Buffer.concat(parts));
    expect(await refusal(complete(etags))).toMatchObject({ code: 'NoSuchUpload' });
  });

  it('refuses small parts before the last', async () => {
    const Key = 'small-parts';
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const Parts = await Promise.all(
      [1, 2].map(async (PartNumber) => {
        const { ETag } = await client.send(
          new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body: 'tiny' }),
        );
        return { ETag, PartNumber };
      }),
    );
    const completed = client.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    );
    expect(await refusal(completed)).toMatchObject({ code: 'EntityTooSmall', status: 400 });
  });

  it('serves lib-storage’s managed upload, copies and bulk deletes', async () => {
    const bytes = randomBytes(11 * MIB);
    await new Upload({ client, params: { Bucket, Key: 'managed', Body: Readable.from([bytes]) } }).done();
    await client.send(new CopyObjectCommand({ Bucket, Key: 'copied', CopySource: `${Bucket}/managed` }));
    expectSameBytes(await bodyOf(client, 'copied'), bytes);
    const Objects = [{ Key: 'managed' }, { Key: 'copied' }, { Key: 'never-was' }];
    const { Deleted } = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(Deleted).toHaveLength(3);
    expect(await refusal(bodyOf(client, 'copied'))).toMatchObject({ code: 'NoSuchKey', status: 404 });
  });

  it('knows virtual-host addresses', async () => {
    const signed = aws4.sign(
      { service: 's3', region: double.region, host: `${Bucket}.localhost:${double.port}`, path: '/plain' },
      double.credentials,
    );
    const headers = signed.headers as Record<string, string>;
    const { status } = await sendRaw(double.port, 'GET', '/plain', headers);
    expect(status).toBe(200);
  });
});
