import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { expectSameBytes } from '../support/same-bytes.js';
import { startS3DoubleProcess } from '../support/s3-double/s3-double-process.js';
import { startS3Double, type S3Double } from '../support/s3-double/s3-double.js';

const Bucket = 'stowage-test';

describe('the faults of the S3 double', () => {
  let double: S3Double;
  let client: S3Client;

  beforeAll(async () => {
    double = await startS3Double();
    client = new S3Client({
      endpoint: double.endpoint,
      region: double.region,
      forcePathStyle: true,
      credentials: double.credentials,
      maxAttempts: 1,
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  });
  afterEach(() => double.faults.clear());
  afterAll(async () => {
    client.destroy();
    await double.stop();
  });

  const put = (Key: string, Body: string) => client.send(new PutObjectCommand({ Bucket, Key, Body }));
  const get = async (Key: string) =>
    buffer((await client.send(new GetObjectCommand({ Bucket, Key }))).Body as Readable);
  const stored = (key: string) => double.store.find(Bucket, key)?.sizeBytes;

  it('strike the nth matching call and count that they did', async () => {
    const fault = double.faults.status(
      { operation: 'PutObject', key: /^n/, nth: 2, times: 2 },
      { status: 503, code: 'SlowDown' },
    );
    const outcomes = [];
    for (const key of ['n1', 'other', 'n2', 'n3', 'n4'])
      outcomes.push(
        await put(key, key).then(
          () => 'ok',
          (error: Error) => error.name,
        ),
      );
    expect(outcomes).toEqual(['ok', 'ok', 'SlowDown', 'SlowDown', 'ok']);
    expect(fault.hits).toBe(2);
    expect(double.log.of('PutObject').map(({ status }) => status)).toEqual([200, 200, 503, 503, 200]);
  });

  it('cut before the effect, after it, and in the middle of it', async () => {
    double.faults.before({ key: 'before' });
    await expect(put('before', 'x')).rejects.toThrow();
    expect(stored('before')).toBeUndefined();
    double.faults.after({ key: 'after' });
    await expect(put('after', 'x')).rejects.toThrow();
    expect(stored('after')).toBe(1);
    double.faults.torn({ key: 'torn' }, 3);
    await expect(put('torn', 'whole')).rejects.toThrow();
    expect(stored('torn')).toBe(3);
  });

  it('deliver twice: the sender of a create-only put learns only of the second', async () => {
    double.faults.duplicate({ operation: 'PutObject' });
    const created = client.send(new PutObjectCommand({ Bucket, Key: 'twice', Body: 'x', IfNoneMatch: '*' }));
    await expect(created).rejects.toMatchObject({ name: 'PreconditionFailed' });
    expect(stored('twice')).toBe(1);
  });

  it('spoil what is read', async () => {
    await put('body', 'abcdef');
    double.faults.reset({ operation: 'GetObject' }, 3);
    await expect(get('body')).rejects.toThrow();
    double.faults.clear();
    double.faults.truncate({ operation: 'GetObject', key: 'body' }, 2);
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'body' }));
    expect((await buffer(Body as Readable)).toString()).toBe('ab');
    double.faults.clear();
    double.faults.corrupt({ operation: 'GetObject' }, 1);
    expect((await get('body')).toString()).toBe('accdef');
    double.faults.clear();
    expect((await get('body')).toString()).toBe('abcdef');
  });

  it('hang until the caller gives up', async () => {
    double.faults.hang({ operation: 'ListObjectsV2' });
    const abortSignal = AbortSignal.timeout(50);
    await expect(client.send(new ListObjectsV2Command({ Bucket }), { abortSignal })).rejects.toThrow('abort');
  });
});

describe('the S3 double as a process with a folder', () => {
  let folder: string;
  const credentials = { accessKeyId: 'AKIAPROCESS', secretAccessKey: 'a secret of the test' };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-s3-double-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('comes back from SIGKILL with everything that it acknowledged', async () => {
    const clientFor = (endpoint: string, region: string) =>
      new S3Client({ endpoint, region, forcePathStyle: true, credentials });
    const bytes = randomBytes(300_000);
    const first = await startS3DoubleProcess({ folder, ...credentials });
    const before = clientFor(first.endpoint, first.region);
    await before.send(new PutObjectCommand({ Bucket, Key: 'kept', Body: bytes }));
    const { UploadId } = await before.send(new CreateMultipartUploadCommand({ Bucket, Key: 'multi' }));
    const part = { Bucket, Key: 'multi', UploadId, PartNumber: 1, Body: bytes };
    const { ETag } = await before.send(new UploadPartCommand(part));
    await first.kill();

    const second = await startS3DoubleProcess({ folder, port: first.port, ...credentials });
    const after = clientFor(second.endpoint, second.region);
    const { Body } = await after.send(new GetObjectCommand({ Bucket, Key: 'kept' }));
    expectSameBytes(await buffer(Body as Readable), bytes);
    expect((await after.send(new ListPartsCommand({ Bucket, Key: 'multi', UploadId }))).Parts).toHaveLength(
      1,
    );
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await after.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'multi', UploadId, MultipartUpload }));
    const { Contents } = await after.send(new ListObjectsV2Command({ Bucket }));
    expect(Contents?.map(({ Key, Size }) => [Key, Size])).toEqual([
      ['kept', 300_000],
      ['multi', 300_000],
    ]);
    await second.stop();
  });
});
