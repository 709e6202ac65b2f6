import { XML_DECLARATION } from '../xml.js';
import type { Readable } from 'node:stream';
import type { Bucket, ObjectStore } from './object-store.js';
import type { Personality } from './personalities.js';
import { S3Fault } from './s3-fault.js';
import { parameter } from '../raw-request.js';
import type { S3Request } from './s3-request.js';
import { isAllowed, type S3Action } from './users.js';
import type { Authentication } from './sigv4-verifier.js';
import type { VerifiedBody } from './verified-body.js';

/** Everything that an operation of the double needs; built once the caller is known. */
export interface S3Call {
  readonly request: S3Request;
  readonly authentication: Authentication;
  readonly personality: Personality;
  readonly store: ObjectStore;
  readonly nowMs: number;
  readonly region: string;
  readonly minPartBytes: number;
  /** The body whose digests are checked; for a torn write, cut after being checked. */
  readonly body: VerifiedBody;
  readonly keepBytes: number | undefined;
}

export interface S3Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
  /** Needed with a stream. */
  readonly sizeBytes?: number;
}

export const XML_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

const MAX_DOCUMENT_BYTES = 2 * 1024 * 1024;

export function xmlAnswer(body: string, headers: Readonly<Record<string, string>> = {}): S3Answer {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body };
}

/** @throws S3Fault AccessDenied in the provider's wording */
export function assertAllowed(call: S3Call, action: S3Action): void {
  const { user } = call.authentication;
  if (isAllowed(user, action)) return;
  if (!call.personality.deniedNamesAction) throw new S3Fault('AccessDenied');
  const { bucket, key } = call.request;
  const resource = `arn:aws:s3:::${[bucket, key].filter(Boolean).join('/')}`;
  const reason = user.deny?.includes(action)
    ? 'with an explicit deny in an identity-based policy'
    : `because no identity-based policy allows the ${action} action`;
  throw new S3Fault('AccessDenied', {
    message: `User: arn:aws:iam::123456789012:user/${user.name} is not authorized to perform: ${action} on resource: "${resource}" ${reason}`,
  });
}

/** @throws S3Fault NoSuchBucket, or PermanentRedirect when the bucket lives at another endpoint */
export function findBucket(call: S3Call): Bucket {
  const bucket = call.store.findBucket(call.request.bucket);
  if (!bucket) throw new S3Fault('NoSuchBucket', { details: { BucketName: call.request.bucket } });
  if (bucket.region !== call.region && call.personality.signingRegion === 'exact') {
    throw new S3Fault('PermanentRedirect', {
      details: { Bucket: bucket.name, Endpoint: `${bucket.name}.s3.${bucket.region}.amazonaws.com` },
      headers: { 'x-amz-bucket-region': bucket.region },
    });
  }
  return bucket;
}

/** Reads a request's XML document whole; it is small by contract. */
export async function readDocument(call: S3Call): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of call.body) {
    chunks.push(chunk);
    if (call.body.receivedBytes > MAX_DOCUMENT_BYTES) throw new S3Fault('MalformedXML');
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** An integer parameter within bounds. @throws S3Fault InvalidArgument */
export function integerParameter(
  request: S3Request,
  name: string,
  fallback: number,
  maximum: number,
): number {
  const text = parameter(request, name);
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 2 ** 31 - 1) {
    throw new S3Fault('InvalidArgument', {
      message: `Provided ${name} not an integer or within integer range`,
      details: { ArgumentName: name, ArgumentValue: text },
    });
  }
  return Math.min(value, maximum);
}

/** A document whose root bears the namespace of S3. */
export function resultAnswer(
  name: string,
  parts: readonly string[],
  headers: Record<string, string> = {},
): S3Answer {
  return xmlAnswer(
    `${XML_DECLARATION}<${name} xmlns="${XML_NAMESPACE}">${parts.join('')}</${name}>`,
    headers,
  );
}
