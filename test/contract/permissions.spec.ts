import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { awsS3 } from '../../src/storage-providers/providers/aws-s3.js';
import { googleGcs } from '../../src/storage-providers/providers/google-gcs.js';
import type { ObjectStorage } from '../../src/storage-providers/storage-provider.js';
import { startGcsDouble, type GcsDouble } from '../support/gcs-double/gcs-double.js';
import type { ServiceAccount } from '../support/gcs-double/service-accounts.js';
import { startS3Double, type S3Double } from '../support/s3-double/s3-double.js';
import type { S3User } from '../support/s3-double/users.js';
import { contextFor } from './connect-context.js';
import { failure, putText, read } from './verbs/contract-store.js';

type Call = (storage: ObjectStorage) => Promise<unknown>;

const LIST: Call = (storage) => storage.listPage({ prefix: 'kept' });
const GET: Call = (storage) => read(storage, 'kept');
const PUT: Call = (storage) => putText(storage, 'new', 'x');
const OVERWRITE: Call = (storage) => putText(storage, 'kept', 'x');
const DELETE: Call = (storage) => storage.delete('kept');
const UPLOADS: Call = async (storage) => storage.multipart!.listUnfinished!('x');
const PARTS: Call = async (storage) => storage.multipart!.listParts('x', 'upload');

describe('a key of AWS that misses a permission', () => {
  let double: S3Double;
  const opened: ObjectStorage[] = [];

  const open = ({ accessKeyId, secretAccessKey }: S3User): ObjectStorage => {
    const s3Endpoint = `http://localhost:${double.port}`;
    const settings = {
      bucket_name: double.bucket,
      region: double.region,
      access_key_id: accessKeyId,
      secret_access_key: secretAccessKey,
    };
    const storage = awsS3.connect(settings, contextFor(s3Endpoint, { s3Endpoint }));
    opened.push(storage);
    return storage;
  };

  beforeAll(async () => {
    double = await startS3Double();
    await putText(open(double.users.full), 'kept', 'kept');
  });
  afterAll(async () => {
    await Promise.all(opened.map((storage) => storage.close()));
    await double.stop();
  });

  const table = [
    ['noList', 's3:ListBucket', LIST],
    ['noList', 's3:ListBucketMultipartUploads', UPLOADS],
    ['noMultipart', 's3:ListMultipartUploadParts', PARTS],
    ['noGet', 's3:GetObject', GET],
    ['readOnly', 's3:PutObject', PUT],
    ['readOnly', 's3:DeleteObject', DELETE],
    ['writeOnly', 's3:GetObject', GET],
    ['noDelete', 's3:DeleteObject', DELETE],
  ] as const;
  for (const [user, permission, call] of table) {
    it(`is told to grant ${permission} (${user})`, async () => {
      const error = await failure(call(open(double.users[user])));
      expect(error).toMatchObject({ code: 'access_denied', permission, httpStatus: 403, retryable: false });
      expect(error.hint).toContain(permission);
      expect(error.requestId).toMatch(/^[0-9A-F]{16}$/);
    });
  }

  it('is told that it is suspended', async () => {
    const error = await failure(PUT(open(double.users.suspended)));
    expect(error).toMatchObject({ providerCode: 'UserSuspended', retryable: false });
  });
});

describe('a service account of Google that misses a permission', () => {
  let double: GcsDouble;
  const opened: ObjectStorage[] = [];

  const open = ({ key }: ServiceAccount): ObjectStorage => {
    const gcsEndpoints = { storage: double.endpoint, token: double.tokenEndpoint };
    const settings = { bucket_name: double.bucket, service_account_json: JSON.stringify(key) };
    const storage = googleGcs.connect(settings, contextFor(double.endpoint, { gcsEndpoints }));
    opened.push(storage);
    return storage;
  };

  beforeAll(async () => {
    double = await startGcsDouble();
    await putText(open(double.accounts.full), 'kept', 'kept');
  });
  afterAll(async () => {
    await Promise.all(opened.map((storage) => storage.close()));
    await double.stop();
  });

  const table = [
    ['noList', 'storage.objects.list', LIST],
    ['noList', 'storage.multipartUploads.list', UPLOADS],
    ['creator', 'storage.multipartUploads.listParts', PARTS],
    ['creator', 'storage.objects.get', GET],
    ['creator', 'storage.objects.delete', OVERWRITE],
    ['readOnly', 'storage.objects.create', PUT],
    ['noDelete', 'storage.objects.delete', DELETE],
  ] as const;
  for (const [account, permission, call] of table) {
    it(`is told to grant ${permission} (${account})`, async () => {
      const error = await failure(call(open(double.accounts[account])));
      expect(error).toMatchObject({ code: 'access_denied', permission, httpStatus: 403, retryable: false });
      expect(error.hint).toContain(permission);
    });
  }
});
