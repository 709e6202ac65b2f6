import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { GetObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3Double } from '../support/s3-double/s3-double.js';

export const Bucket = 'stowage-test';

const QUIET = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** Amazon's own client, which knows nothing of us: it judges the double. */
export function clientOf(double: S3Double, config: S3ClientConfig = {}): S3Client {
  return new S3Client({
    endpoint: double.endpoint,
    region: double.region,
    forcePathStyle: true,
    credentials: double.credentials,
    maxAttempts: 1,
    logger: QUIET,
    ...config,
  });
}

/** What an SDK error tells, without its secrets. */
export function refusal(
  promise: Promise<unknown>,
): Promise<{ code: string; status: number | undefined; message: string }> {
  return promise.then(
    () => ({ code: 'none', status: 200, message: '' }),
    (error: { name: string; message: string; $metadata?: { httpStatusCode?: number } }) => ({
      code: error.name,
      status: error.$metadata?.httpStatusCode,
      message: error.message,
    }),
  );
}

export async function bodyOf(client: S3Client, key: string, Range?: string): Promise<Buffer> {
  const answer = await client.send(new GetObjectCommand({ Bucket, Key: key, Range }));
  return buffer(answer.Body as Readable);
}
