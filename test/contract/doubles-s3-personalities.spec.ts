import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import aws4 from 'aws4';
import { startS3Double, type S3Double } from '../support/s3-double/s3-double.js';
import { bodyOf, Bucket, clientOf, refusal } from './foreign-s3.js';

describe('presigned URLs at the S3 double, signed by aws4', () => {
  let double: S3Double;
  beforeAll(async () => {
    double = await startS3Double();
  });
  afterAll(() => double.stop());

  function presign(method: string, key: string, headers: Record<string, string> = {}, expires = 60): string {
    const path = `/${Bucket}/${key}?X-Amz-Expires=${expires}`;
    const request = {
      service: 's3',
      region: double.region,
      host: `127.0.0.1:${double.port}`,
      method,
      path,
      headers,
      signQuery: true,
    };
    return double.endpoint + aws4.sign(request, double.credentials).path;
  }
  const codeOf = async (answer: Response) => /<Code>(\w+)</.exec(await answer.text())?.[1];

  it('do one thing until they expire', async () => {
    const url = presign('PUT', 'signed');
    expect((await fetch(url, { method: 'PUT', body: 'hello' })).status).toBe(200);
    expect(await (await fetch(presign('GET', 'signed'))).text()).toBe('hello');
    expect(await codeOf(await fetch(url))).toBe('SignatureDoesNotMatch');
    expect(await codeOf(await fetch(url.replace('signed', 'other'), { method: 'PUT', body: 'x' }))).toBe(
      'SignatureDoesNotMatch',
    );
    double.clockOffsetMs = 61_000;
    expect(await codeOf(await fetch(url, { method: 'PUT', body: 'late' }))).toBe('AccessDenied');
    double.clockOffsetMs = 0;
    expect(await codeOf(await fetch(presign('GET', 'signed', {}, 604_801)))).toBe(
      'AuthorizationQueryParametersError',
    );
  });

  it('bind the headers that were signed and admit no others', async () => {
    const sha256 = createHash('sha256').update('bound').digest('base64');
    const headers = { 'x-amz-checksum-sha256': sha256, 'if-none-match': '*' };
    const url = presign('PUT', 'bound', headers);
    const send = (body: string, sent: Record<string, string>) =>
      fetch(url, { method: 'PUT', body, headers: sent });
    expect(await codeOf(await send('bound', { 'if-none-match': '*' }))).toBe('SignatureDoesNotMatch');
    expect(await codeOf(await send('other', headers))).toBe('BadDigest');
    expect(await codeOf(await send('bound', { ...headers, 'x-amz-acl': 'public-read' }))).toBe(
      'AccessDenied',
    );
    expect((await send('bound', headers)).status).toBe(200);
    expect(await codeOf(await send('bound', headers))).toBe('PreconditionFailed');
  });
});

describe('the personalities of the S3 double', () => {
  const started: S3Double[] = [];
  const start = async (options: Parameters<typeof startS3Double>[0]) => {
    const double = await startS3Double(options);
    started.push(double);
    return double;
  };
  afterAll(() => Promise.all(started.map((double) => double.stop())));
  const plain: S3ClientConfig = {
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  };

  it('aws sends a bucket of another region elsewhere', async () => {
    const double = await start({ buckets: [{ name: Bucket, region: 'ap-south-1' }] });
    const answer = await refusal(clientOf(double, plain).send(new ListObjectsV2Command({ Bucket })));
    expect(answer).toMatchObject({ code: 'PermanentRedirect', status: 301 });
  });

  it('b2 refuses checksums and conditions, and hides what is deleted', async () => {
    const double = await start({ personality: 'b2' });
    const put = (config: S3ClientConfig, more = {}) =>
      clientOf(double, config).send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', ...more }));
    expect(await refusal(put({}))).toMatchObject({ code: 'InvalidArgument', status: 400 });
    expect(await refusal(put(plain, { IfNoneMatch: '*' }))).toMatchObject({
      code: 'NotImplemented',
      status: 501,
    });
    await put(plain);
    await clientOf(double, plain).send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    expect(await refusal(bodyOf(clientOf(double, plain), 'k'))).toMatchObject({ code: 'NoSuchKey' });
    expect(
      double.store
        .findBucket(Bucket)
        ?.objects.get('k')
        ?.map(({ marker }) => marker),
    ).toEqual([false, true]);
  });

  it('r2 wants its region, equal parts, no ACL and a second between writes to one key', async () => {
    const double = await start({ personality: 'r2', minPartBytes: 1, traits: { sameKeyWritesPerSecond: 1 } });
    const client = clientOf(double, plain);
    const put = (Key: string, more = {}) =>
      client.send(new PutObjectCommand({ Bucket, Key, Body: 'x', ...more }));
    const elsewhere = clientOf(double, { ...plain, region: 'eu-west-1' });
    expect(await refusal(elsewhere.send(new ListObjectsV2Command({ Bucket })))).toMatchObject({
      code: 'InvalidRegionName',
    });
    expect(await refusal(put('a', { ACL: 'private' }))).toMatchObject({ code: 'NotImplemented' });
    await put('k');
    expect(await refusal(put('k'))).toMatchObject({ code: 'TooManyRequests', status: 429 });
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'm' }));
    const Parts = [];
    for (const [index, Body] of ['aaa', 'bb', 'cc'].entries()) {
      double.clockOffsetMs += 1000;
      const part = { Bucket, Key: 'm', UploadId, PartNumber: index + 1, Body };
      Parts.push({ PartNumber: index + 1, ETag: (await client.send(new UploadPartCommand(part))).ETag });
    }
    const completed = client.send(
      new CompleteMultipartUploadCommand({ Bucket, Key: 'm', UploadId, MultipartUpload: { Parts } }),
    );
    expect(await refusal(completed)).toMatchObject({
      code: 'InvalidPart',
      message: 'All non-trailing parts must have the same length.',
    });
  });

  it('spaces refuses aws-chunked bodies', async () => {
    const double = await start({ personality: 'spaces' });
    const body = () => Readable.from([randomBytes(10)], { objectMode: false });
    const streamed = { Bucket, Key: 's', Body: body(), ContentLength: 10 };
    expect(await refusal(clientOf(double).send(new PutObjectCommand(streamed)))).toMatchObject({
      status: 411,
    });
    await clientOf(double, plain).send(new PutObjectCommand({ ...streamed, Body: body() }));
  });

  it('broken accepts everything', async () => {
    const double = await start({ personality: 'broken' });
    const client = clientOf(double, { credentials: { accessKeyId: 'nobody', secretAccessKey: 'nothing' } });
    for (const Body of ['first', 'second']) {
      await client.send(
        new PutObjectCommand({ Bucket, Key: 'k', Body, IfNoneMatch: '*', ContentMD5: 'AAAA' }),
      );
    }
    expect((await bodyOf(client, 'k')).toString()).toBe('second');
    const listing = await client.send(new ListObjectsV2Command({ Bucket }));
    expect(listing.Contents).toBeUndefined();
  });
});
