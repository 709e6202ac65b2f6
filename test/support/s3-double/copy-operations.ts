import { createHash } from 'node:crypto';
import type { Segment } from '../body-store.js';
import { tag } from '../xml.js';
import { assertConditionsSupported, assertWriteConditions } from './conditions.js';
import { findUpload, partNumberOf } from './multipart-operations.js';
import { isoTime, keptHeaders, versionHeader } from './object-operations.js';
import type { ObjectVersion } from './object-store.js';
import { assertAllowed, findBucket, resultAnswer, type S3Answer, type S3Call } from './s3-call.js';
import { S3Fault } from './s3-fault.js';

/** The most that one call copies. */
const MAX_COPY_BYTES = 5 * 1024 ** 3;

/** The copy is a simple object, whatever its source was made of: its ETag is the MD5 of its content. */
export async function copyObject(call: S3Call): Promise<S3Answer> {
  const { store, request, personality } = call;
  assertAllowed(call, 's3:PutObject');
  findBucket(call);
  assertConditionsSupported(call);
  const source = findSource(call);
  if (source.sizeBytes > MAX_COPY_BYTES) throw tooLarge();
  const copied = await copyBytes(call, source, 0, source.sizeBytes - 1);
  try {
    assertWriteConditions(call);
  } catch (error) {
    await store.bodies.remove(copied.segment);
    throw error;
  }
  const replaced = request.headers['x-amz-metadata-directive'] === 'REPLACE';
  const sha256 = wantsSha256(call) ? copied.sha256 : undefined;
  const version = store.put(
    request.bucket,
    request.key,
    {
      sizeBytes: copied.segment.sizeBytes,
      etag: copied.md5Hex,
      headers: replaced ? keptHeaders(call) : source.headers,
      segments: [copied.segment],
      lastModifiedMs: call.nowMs,
      checksums: sha256 === undefined ? {} : { sha256 },
      marker: false,
    },
    personality.deleteHides,
  );
  const parts = [
    tag('LastModified', isoTime(version)),
    tag('ETag', `"${version.etag}"`),
    ...(sha256 === undefined ? [] : [tag('ChecksumType', 'FULL_OBJECT'), tag('ChecksumSHA256', sha256)]),
  ];
  return resultAnswer('CopyObjectResult', parts, versionHeader(version));
}

export async function uploadPartCopy(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:PutObject');
  findBucket(call);
  const upload = findUpload(call);
  const partNumber = partNumberOf(call);
  const source = findSource(call);
  const { start, end } = rangeOf(call, source);
  const { segment, md5Hex } = await copyBytes(call, source, start, end);
  try {
    findUpload(call);
  } catch (error) {
    await call.store.bodies.remove(segment);
    throw error;
  }
  const { sizeBytes } = segment;
  const part = { partNumber, sizeBytes, md5Hex, checksums: {}, lastModifiedMs: call.nowMs, segment };
  call.store.putPart(upload.uploadId, part);
  const modified = tag('LastModified', isoTime(part));
  return resultAnswer('CopyPartResult', [modified, tag('ETag', `"${md5Hex}"`)]);
}

/** What the caller may read, and in the state that it asked for. */
function findSource(call: S3Call): ObjectVersion {
  assertAllowed(call, 's3:GetObject');
  const [source = ''] = call.request.headers['x-amz-copy-source']!.split('?');
  const [bucket = '', ...key] = decodeURIComponent(source).replace(/^\//, '').split('/');
  if (!call.store.findBucket(bucket)) throw new S3Fault('NoSuchBucket', { details: { BucketName: bucket } });
  const version = call.store.find(bucket, key.join('/'));
  if (!version) throw new S3Fault('NoSuchKey', { details: { Key: key.join('/') } });
  const ifMatch = call.request.headers['x-amz-copy-source-if-match'];
  if (ifMatch !== undefined && call.personality.conditionalWrites === 'not_implemented') {
    throw new S3Fault('NotImplemented', { details: { Header: 'x-amz-copy-source-if-match' } });
  }
  if (ifMatch !== undefined && ifMatch.replaceAll('"', '') !== version.etag) {
    throw new S3Fault('PreconditionFailed', { details: { Condition: 'x-amz-copy-source-If-Match' } });
  }
  return version;
}

function rangeOf(
  call: S3Call,
  { sizeBytes }: ObjectVersion,
): { readonly start: number; readonly end: number } {
  const header = call.request.headers['x-amz-copy-source-range'];
  if (header === undefined) return { start: 0, end: sizeBytes - 1 };
  const [, first, last] = /^bytes=(\d{1,16})-(\d{1,16})$/.exec(header) ?? [];
  const [start, end] = [Number(first), Number(last)];
  // A range beyond the source is an error here, other than in GET.
  if (!(start <= end && end < sizeBytes)) {
    throw new S3Fault('InvalidArgument', {
      message: `Range specified is not valid for source object of size: ${sizeBytes}`,
      details: { ArgumentName: 'x-amz-copy-source-range', ArgumentValue: header },
    });
  }
  if (end - start + 1 > MAX_COPY_BYTES) throw tooLarge();
  return { start, end };
}

interface CopiedBytes {
  readonly segment: Segment;
  readonly md5Hex: string;
  readonly sha256: string;
}

async function copyBytes(
  call: S3Call,
  source: ObjectVersion,
  start: number,
  end: number,
): Promise<CopiedBytes> {
  const { store } = call;
  const md5 = createHash('md5');
  const sha256 = createHash('sha256');
  async function* digested() {
    if (start > end) return;
    for await (const chunk of store.read(source, start, end) as AsyncIterable<Buffer>) {
      md5.update(chunk);
      sha256.update(chunk);
      yield chunk;
    }
  }
  const segment = await store.bodies.write(digested());
  return { segment, md5Hex: md5.digest('hex'), sha256: sha256.digest('base64') };
}

function wantsSha256({ request, personality }: S3Call): boolean {
  const algorithm = request.headers['x-amz-checksum-algorithm'];
  if (algorithm === undefined || personality.checksumHeaders === 'ignored') return false;
  if (personality.checksumHeaders === 'refused')
    throw new S3Fault('NotImplemented', { details: { Header: 'x-amz-checksum-algorithm' } });
  if (algorithm !== 'SHA256') throw new S3Fault('NotImplemented');
  return true;
}

function tooLarge(): S3Fault {
  return new S3Fault('InvalidRequest', {
    message:
      'The specified copy source is larger than the maximum allowable size for a copy source: 5368709120',
  });
}
