import { childText, tag } from '../xml.js';
import { assertConditionsSupported, assertWriteConditions } from './conditions.js';
import { encoded } from './list-operations.js';
import { checksumHeaders, keptHeaders, parseDocument } from './object-operations.js';
import { compareUtf8 } from '../byte-order.js';
import { type MultipartUpload, type UploadPart } from './object-store.js';
import { storeBody } from './object-writes.js';
import {
  assertAllowed,
  findBucket,
  integerParameter,
  readDocument,
  resultAnswer,
  type S3Answer,
  type S3Call,
} from './s3-call.js';
import { S3Fault } from './s3-fault.js';
import { parameter } from '../raw-request.js';
import { S3_CHECKSUMS, type S3Checksum } from './verified-body.js';

const MAX_PARTS = 10_000;
const MAX_LISTED = 1000;

interface ListedPart {
  readonly partNumber: number;
  readonly etag: string;
  readonly checksums: Partial<Record<S3Checksum, string>>;
}

export async function createMultipartUpload(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:PutObject');
  findBucket(call);
  const { bucket, key } = call.request;
  const uploadId = call.store.createUpload({
    bucket,
    key,
    headers: keptHeaders(call),
    startedAtMs: call.nowMs,
  });
  return resultAnswer('InitiateMultipartUploadResult', [
    tag('Bucket', bucket),
    tag('Key', key),
    tag('UploadId', uploadId),
  ]);
}

export async function uploadPart(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:PutObject');
  const upload = findUpload(call);
  const partNumber = partNumberOf(call);
  const { segment, md5Hex, checksums } = await storeBody(call);
  try {
    findUpload(call);
  } catch (error) {
    await call.store.bodies.remove(segment);
    throw error;
  }
  const part = {
    partNumber,
    sizeBytes: segment.sizeBytes,
    md5Hex,
    checksums,
    lastModifiedMs: call.nowMs,
    segment,
  };
  call.store.putPart(upload.uploadId, part);
  const digests = Object.entries(checksums).map(
    ([algorithm, digest]) => [`x-amz-checksum-${algorithm}`, digest] as const,
  );
  return { status: 200, headers: { etag: `"${md5Hex}"`, ...Object.fromEntries(digests) } };
}

/** @throws S3Fault InvalidArgument */
export function partNumberOf(call: S3Call): number {
  const partNumber = Number(parameter(call.request, 'partNumber'));
  if (Number.isInteger(partNumber) && partNumber >= 1 && partNumber <= MAX_PARTS) return partNumber;
  throw new S3Fault('InvalidArgument', {
    message: 'Part number must be an integer between 1 and 10000, inclusive',
    details: { ArgumentName: 'partNumber', ArgumentValue: parameter(call.request, 'partNumber') ?? '' },
  });
}

export async function completeMultipartUpload(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:PutObject');
  findUpload(call);
  const { conditionalComplete, deleteHides } = call.personality;
  if (conditionalComplete) assertConditionsSupported(call);
  const listed = readPartList(await readDocument(call));
  const upload = findUpload(call);
  const parts = matchParts(call, upload, listed);
  if (conditionalComplete) assertWriteConditions(call);
  const version = call.store.complete(upload, parts, call.nowMs, deleteHides);
  const { bucket, key } = call.request;
  const checksums = Object.entries(version.checksums).map(([name, digest]) =>
    tag(`Checksum${name.toUpperCase()}`, digest),
  );
  return resultAnswer(
    'CompleteMultipartUploadResult',
    [
      tag('Location', `http://${bucket}/${key}`),
      tag('Bucket', bucket),
      tag('Key', key),
      tag('ETag', `"${version.etag}"`),
      ...checksums,
    ],
    version.versionId === 'null'
      ? {}
      : { 'x-amz-version-id': version.versionId, ...checksumHeaders(version) },
  );
}

export async function abortMultipartUpload(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:AbortMultipartUpload');
  call.store.abort(findUpload(call));
  return { status: 204 };
}

export async function listParts(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:ListMultipartUploadParts');
  const upload = findUpload(call);
  const after = integerParameter(call.request, 'part-number-marker', 0, MAX_PARTS);
  const limit = integerParameter(call.request, 'max-parts', MAX_LISTED, MAX_LISTED);
  const following = [...upload.parts.values()]
    .filter((part) => part.partNumber > after)
    .sort((left, right) => left.partNumber - right.partNumber);
  const page = following.slice(0, limit);
  const rendered = page.map(
    (part) =>
      `<Part>${tag('PartNumber', part.partNumber)}${tag('LastModified', new Date(part.lastModifiedMs).toISOString())}${tag('ETag', `"${part.md5Hex}"`)}${tag('Size', part.sizeBytes)}</Part>`,
  );
  return resultAnswer('ListPartsResult', [
    tag('Bucket', upload.bucket),
    tag('Key', encoded(call.request, upload.key)),
    tag('UploadId', upload.uploadId),
    tag('PartNumberMarker', after),
    tag('NextPartNumberMarker', page.at(-1)?.partNumber ?? 0),
    tag('MaxParts', limit),
    tag('IsTruncated', page.length < following.length),
    ...rendered,
  ]);
}

export async function listMultipartUploads(call: S3Call): Promise<S3Answer> {
  assertAllowed(call, 's3:ListBucketMultipartUploads');
  findBucket(call);
  const { request } = call;
  const prefix = parameter(request, 'prefix') ?? '';
  const limit = integerParameter(request, 'max-uploads', MAX_LISTED, MAX_LISTED);
  const keyMarker = parameter(request, 'key-marker') ?? '';
  const idMarker = parameter(request, 'upload-id-marker') ?? '';
  const following = call.store
    .uploads(request.bucket)
    .filter((upload) => upload.key.startsWith(prefix))
    .sort((left, right) => compareUtf8(left.key, right.key) || compareUtf8(left.uploadId, right.uploadId))
    .filter((upload) => isAfter(upload, keyMarker, idMarker));
  const page = following.slice(0, limit);
  const last = page.length < following.length ? page.at(-1) : undefined;
  const rendered = page.map(
    (upload) =>
      `<Upload>${tag('Key', encoded(request, upload.key))}${tag('UploadId', upload.uploadId)}${tag('Initiated', new Date(upload.startedAtMs).toISOString())}</Upload>`,
  );
  return resultAnswer('ListMultipartUploadsResult', [
    tag('Bucket', request.bucket),
    tag('KeyMarker', encoded(request, keyMarker)),
    tag('UploadIdMarker', idMarker),
    tag('NextKeyMarker', last && encoded(request, last.key)),
    tag('NextUploadIdMarker', last?.uploadId),
    tag('EncodingType', parameter(request, 'encoding-type')),
    tag('MaxUploads', limit),
    tag('IsTruncated', last !== undefined),
    ...rendered,
  ]);
}

function isAfter(upload: MultipartUpload, keyMarker: string, idMarker: string): boolean {
  const order = compareUtf8(upload.key, keyMarker);
  return (
    keyMarker === '' ||
    order > 0 ||
    (order === 0 && idMarker !== '' && compareUtf8(upload.uploadId, idMarker) > 0)
  );
}

/** @throws S3Fault NoSuchBucket, NoSuchUpload */
export function findUpload(call: S3Call): MultipartUpload {
  findBucket(call);
  return call.store.upload(call.request.bucket, call.request.key, parameter(call.request, 'uploadId') ?? '');
}

function readPartList(source: string): ListedPart[] {
  const parts = parseDocument(source, 'CompleteMultipartUpload').children.filter(
    (child) => child.name === 'Part',
  );
  if (parts.length === 0 || parts.length > MAX_PARTS) throw new S3Fault('MalformedXML');
  const listed = parts.map((part) => {
    const partNumber = Number(childText(part, 'PartNumber'));
    const etag = childText(part, 'ETag');
    if (!Number.isInteger(partNumber) || etag === undefined) throw new S3Fault('MalformedXML');
    const checksums = Object.fromEntries(
      S3_CHECKSUMS.map(
        (algorithm) => [algorithm, childText(part, `Checksum${algorithm.toUpperCase()}`)] as const,
      ),
    );
    return { partNumber, etag: etag.replaceAll('"', ''), checksums };
  });
  const ascending = listed.every(
    (part, index) => index === 0 || part.partNumber > listed[index - 1]!.partNumber,
  );
  if (!ascending) throw new S3Fault('InvalidPartOrder');
  return listed;
}

function matchParts(call: S3Call, upload: MultipartUpload, listed: readonly ListedPart[]): UploadPart[] {
  const parts = listed.map((wanted) => {
    const part = upload.parts.get(wanted.partNumber);
    const sameChecksums = S3_CHECKSUMS.every(
      (algorithm) =>
        wanted.checksums[algorithm] === undefined ||
        wanted.checksums[algorithm] === part?.checksums[algorithm],
    );
    if (part?.md5Hex === wanted.etag && sameChecksums) return part;
    throw new S3Fault('InvalidPart', {
      details: { UploadId: upload.uploadId, PartNumber: wanted.partNumber, ETag: wanted.etag },
    });
  });
  const leading = parts.slice(0, -1);
  const small = leading.find((part) => part.sizeBytes < call.minPartBytes);
  if (small) {
    throw new S3Fault('EntityTooSmall', {
      details: {
        ProposedSize: small.sizeBytes,
        MinSizeAllowed: call.minPartBytes,
        PartNumber: small.partNumber,
        ETag: small.md5Hex,
      },
    });
  }
  const partBytes = leading[0]?.sizeBytes ?? Infinity;
  const unequal = leading.some((part) => part.sizeBytes !== partBytes) || parts.at(-1)!.sizeBytes > partBytes;
  if (call.personality.equalParts && unequal) {
    throw new S3Fault('InvalidPart', { message: 'All non-trailing parts must have the same length.' });
  }
  return parts;
}
