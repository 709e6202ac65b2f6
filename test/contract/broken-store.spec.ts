import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { s3Compatible } from '../../src/storage-providers/providers/s3-compatible.js';
import type { ObjectStorage } from '../../src/storage-providers/storage-provider.js';
import { strictList } from '../../src/storage-providers/strict-list.js';
import { startS3Double, type S3Double } from '../support/s3-double/s3-double.js';
import { contextFor } from './connect-context.js';
import { failure, freshPrefix, putText, someBytes } from './verbs/contract-store.js';

/** A store that says yes to everything: what it says must not be believed. */
describe('s3_compatible on a store that accepts everything', () => {
  let double: S3Double;
  let storage: ObjectStorage;

  beforeAll(async () => {
    double = await startS3Double({ personality: 'broken' });
    storage = s3Compatible.connect(
      {
        bucket_name: double.bucket,
        endpoint: double.endpoint,
        access_key_id: 'nobody',
        secret_access_key: 'nothing',
      },
      contextFor(double.endpoint),
    );
  });
  afterAll(async () => {
    await storage.close();
    await double.stop();
  });

  it('does not take a web page for an empty bucket', async () => {
    await putText(storage, `${freshPrefix()}file`, 'x');
    const reading = strictList(storage, { prefix: 'contract/' }).next();
    expect(['provider_error', 'endpoint_unreachable']).toContain((await failure(reading)).code);
  });

  it('does not take a web page for a finished upload', async () => {
    const key = `${freshPrefix()}file`;
    const uploads = storage.multipart!;
    const { uploadId } = await uploads.create(key, {});
    const part = await uploads.uploadPart(key, uploadId, 1, someBytes(10), { sizeBytes: 10 });
    const error = await failure(uploads.complete(key, uploadId, [part], {}));
    expect(['provider_error', 'endpoint_unreachable']).toContain(error.code);
    expect(error.operation).toBe('complete_multipart');
  });

  it('does not take the whole for the range that was asked for', async () => {
    const key = `${freshPrefix()}file`;
    await putText(storage, key, '0123456789');
    const error = await failure(storage.get(key, { range: { start: 2, end: 4 } }));
    expect(error).toMatchObject({ code: 'provider_error', operation: 'get' });
  });

  it('does not take an error for a copy, although its status is good', async () => {
    const prefix = freshPrefix();
    await putText(storage, `${prefix}a`, 'source');
    const body = '<?xml version="1.0"?>\n<Error><Code>InternalError</Code><Message>late</Message></Error>';
    const fault = double.faults.status({ operation: 'CopyObject' }, { status: 200, body });
    const error = await failure(storage.copies!.copy(`${prefix}a`, `${prefix}b`, { sizeBytes: 6 }));
    expect(error).toMatchObject({ operation: 'copy', providerCode: 'InternalError', retryable: true });
    expect(fault.hits).toBe(1);
  });

  it('promises no create-only writes there', async () => {
    const key = `${freshPrefix()}file`;
    expect(storage.capabilities.createOnly).toBe(false);
    await putText(storage, key, 'first', { createOnly: true });
    await putText(storage, key, 'second', { createOnly: true });
    expect(double.log.of('PutObject').at(-1)!.requestHeaders['if-none-match']).toBeUndefined();
  });
});
