import { createHash } from 'node:crypto';
import { compareUtf8 } from '../byte-order.js';
import { tear } from '../body-store.js';
import { startChecksum } from '../checksums.js';
import type { DoubleAnswer } from '../double-server.js';
import { parameter } from '../raw-request.js';
import { childText, parseXml, tag, XML_DECLARATION, XmlSyntaxError } from '../xml.js';
import { assertPermitted } from './gcs-authentication.js';
import {
  assertBucket,
  assertDigests,
  assertObjectName,
  assertWritable,
  createObject,
  headerDigests,
  preconditionsOf,
  readDocument,
  type GcsCall,
} from './gcs-call.js';
import { GcsFault, gcsFaults } from './gcs-fault.js';
import type { GcsPart, GcsUpload } from './gcs-store.js';
import { download, findObject } from './json-api.js';
import { xmlEtag } from './object-resource.js';

const NAMESPACE = 'http://doc.s3.amazonaws.com/2006-03-01';
const MAX_PARTS = 10_000;
const NO_CONDITIONS = {
  generationMatch: undefined,
  generationNotMatch: undefined,
  metagenerationMatch: undefined,
};

export async function putObject(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.objects.create');
  assertBucket(call);
  assertObjectName(call.name);
  assertLengthRange(call);
  const { headers } = call.request;
  const metadata = Object.entries(headers)
    .filter(([name]) => name.startsWith('x-goog-meta-'))
    .map(([name, value]) => [name.slice('x-goog-meta-'.length), value] as const);
  const kept = ['cache-control', 'content-disposition'].filter((name) => headers[name] !== undefined);
  const created = await createObject(
    call,
    {
      bucket: call.bucket,
      name: call.name,
      contentType: headers['content-type'],
      metadata: metadata.length > 0 ? Object.fromEntries(metadata) : undefined,
      headers: Object.fromEntries(kept.map((name) => [name, headers[name]!])),
    },
    call.body,
    headerDigests(call.request),
    preconditionsOf(call.request),
  );
  const hash = `crc32c=${created.crc32c},md5=${created.md5Hash}`;
  return {
    status: 200,
    headers: { etag: xmlEtag(created), 'x-goog-generation': created.generation, 'x-goog-hash': hash },
  };
}

export async function getObject(call: GcsCall): Promise<DoubleAnswer> {
  return download(call, findObject(call), 'xml');
}

export async function deleteObject(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.objects.delete');
  assertBucket(call);
  if (!call.store.find(call.bucket, call.name)) throw gcsFaults.notFound(call.bucket, call.name);
  call.store.remove(call.bucket, call.name);
  return { status: 204 };
}

export async function createUpload(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.multipartUploads.create');
  assertBucket(call);
  assertObjectName(call.name);
  refusePreconditions(call);
  const { bucket, name, nowMs } = call;
  const contentType = call.request.headers['content-type'];
  const upload = call.store.openUpload({ bucket, name, contentType, startedAtMs: nowMs });
  return result('InitiateMultipartUploadResult', [
    tag('Bucket', bucket),
    tag('Key', name),
    tag('UploadId', upload.uploadId),
  ]);
}

export async function uploadPart(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.multipartUploads.create');
  assertLengthRange(call);
  const upload = findUpload(call);
  const partNumber = Number(parameter(call.request, 'partNumber'));
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > MAX_PARTS) {
    throw gcsFaults.invalid('Part number must be an integer between 1 and 10000, inclusive.');
  }
  const md5 = createHash('md5');
  const crc32c = startChecksum('crc32c');
  async function* digested() {
    for await (const chunk of call.body) {
      md5.update(chunk);
      crc32c.update(chunk);
      yield chunk;
    }
  }
  const { bodies } = call.store;
  const segment = await tear(bodies, await bodies.write(digested()), call.keepBytes);
  const digests = { md5: md5.digest(), crc32c: crc32c.digest() };
  try {
    assertDigests(headerDigests(call.request), digests);
    findUpload(call);
  } catch (error) {
    await bodies.remove(segment);
    throw error;
  }
  const md5Hex = digests.md5.toString('hex');
  const replaced = upload.parts.get(partNumber);
  if (replaced) void bodies.remove(replaced.segment);
  upload.parts.set(partNumber, { partNumber, md5Hex, segment, lastModifiedMs: call.nowMs });
  const hash = `crc32c=${digests.crc32c.toString('base64')},md5=${digests.md5.toString('base64')}`;
  return { status: 200, headers: { etag: `"${md5Hex}"`, 'x-goog-hash': hash } };
}

export async function completeUpload(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.multipartUploads.create');
  findUpload(call);
  refusePreconditions(call);
  const listed = readPartList(await readDocument(call.body));
  const upload = findUpload(call);
  const parts = matchParts(upload, listed, call.minPartBytes);
  const crc32c = startChecksum('crc32c');
  for (const { segment } of parts) {
    for await (const chunk of call.store.bodies.read(segment, 0, segment.sizeBytes - 1)) crc32c.update(chunk);
  }
  assertWritable(call, upload.bucket, upload.name, NO_CONDITIONS);
  call.store.uploads.delete(upload.uploadId);
  const object = call.store.put({
    bucket: upload.bucket,
    name: upload.name,
    contentType: upload.contentType,
    headers: {},
    metadata: undefined,
    sizeBytes: parts.reduce((sum, part) => sum + part.segment.sizeBytes, 0),
    md5Hash: undefined,
    crc32c: crc32c.digest().toString('base64'),
    createdAtMs: call.nowMs,
    segments: parts.map(({ segment }) => segment),
  });
  const location = `${call.origin}/${upload.bucket}/${encodeURIComponent(upload.name)}`;
  return result(
    'CompleteMultipartUploadResult',
    [
      tag('Location', location),
      tag('Bucket', upload.bucket),
      tag('Key', upload.name),
      tag('ETag', xmlEtag(object)),
    ],
    { 'x-goog-generation': object.generation, 'x-goog-hash': `crc32c=${object.crc32c}` },
  );
}

export async function abortUpload(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.multipartUploads.abort');
  const upload = findUpload(call);
  for (const { segment } of upload.parts.values()) void call.store.bodies.remove(segment);
  call.store.uploads.delete(upload.uploadId);
  return { status: 204 };
}

export async function listParts(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.multipartUploads.listParts');
  const upload = findUpload(call);
  const after = Number(parameter(call.request, 'part-number-marker') ?? 0);
  const limit = Math.min(Number(parameter(call.request, 'max-parts') ?? 1000), 1000);
  const following = [...upload.parts.values()]
    .filter(({ partNumber }) => partNumber > after)
    .sort((left, right) => left.partNumber - right.partNumber);
  const page = following.slice(0, limit);
  const rendered = page.map(
    (part) =>
      `<Part>${tag('PartNumber', part.partNumber)}${tag('LastModified', new Date(part.lastModifiedMs).toISOString())}${tag('ETag', `"${part.md5Hex}"`)}${tag('Size', part.segment.sizeBytes)}</Part>`,
  );
  const head = [tag('Bucket', upload.bucket), tag('Key', upload.name), tag('UploadId', upload.uploadId)];
  const isTruncated = page.length < following.length;
  return result('ListPartsResult', [...head, tag('IsTruncated', isTruncated), ...rendered]);
}

export async function listUploads(call: GcsCall): Promise<DoubleAnswer> {
  assertPermitted(call.caller, 'storage.multipartUploads.list');
  assertBucket(call);
  const { request } = call;
  const prefix = parameter(request, 'prefix') ?? '';
  const limit = Math.min(Number(parameter(request, 'max-uploads') ?? 1000), 1000);
  const keyMarker = parameter(request, 'key-marker') ?? '';
  const idMarker = parameter(request, 'upload-id-marker') ?? '';
  const following = [...call.store.uploads.values()]
    .filter((upload) => upload.bucket === call.bucket && upload.name.startsWith(prefix))
    .sort((left, right) => compareUtf8(left.name, right.name) || compareUtf8(left.uploadId, right.uploadId))
    .filter((upload) => keyMarker === '' || isAfter(upload, keyMarker, idMarker));
  const page = following.slice(0, limit);
  const last = page.length < following.length ? page.at(-1) : undefined;
  const rendered = page.map(
    (upload) =>
      `<Upload>${tag('Key', upload.name)}${tag('UploadId', upload.uploadId)}${tag('StorageClass', 'STANDARD')}${tag('Initiated', new Date(upload.startedAtMs).toISOString())}</Upload>`,
  );
  return result('ListMultipartUploadsResult', [
    tag('Bucket', call.bucket),
    tag('NextKeyMarker', last?.name),
    tag('NextUploadIdMarker', last?.uploadId),
    tag('MaxUploads', limit),
    tag('IsTruncated', last !== undefined),
    ...rendered,
  ]);
}

function isAfter(upload: GcsUpload, keyMarker: string, idMarker: string): boolean {
  const order = compareUtf8(upload.name, keyMarker);
  return order > 0 || (order === 0 && idMarker !== '' && compareUtf8(upload.uploadId, idMarker) > 0);
}

function findUpload(call: GcsCall): GcsUpload {
  assertBucket(call);
  const upload = call.store.uploads.get(parameter(call.request, 'uploadId') ?? '');
  if (upload?.bucket === call.bucket && upload.name === call.name) return upload;
  throw new GcsFault(404, 'notFound', 'The requested upload was not found.', { code: 'NoSuchUpload' });
}

/** "Preconditions are not supported in the requests" of XML multipart uploads, says Google's documentation. */
function refusePreconditions({ request }: GcsCall): void {
  const name = Object.keys(request.headers).find((header) => header.startsWith('x-goog-if-'));
  if (name === undefined) return;
  throw new GcsFault(400, 'notImplemented', `The header ${name} is not supported for multipart uploads.`, {
    code: 'NotImplemented',
    message: 'A header or query you provided requested a function that is not implemented.',
    details: { Details: name },
  });
}

/** `x-goog-content-length-range: <least>,<most>`. */
function assertLengthRange({ request }: GcsCall): void {
  const range = /^(\d+),(\d+)$/.exec(request.headers['x-goog-content-length-range'] ?? '');
  if (!range) return;
  const length = Number(request.headers['content-length']);
  if (length < Number(range[1]))
    throw gcsFaults.invalid('Your proposed upload is smaller than the minimum.', 'EntityTooSmall');
  if (!(length <= Number(range[2])))
    throw gcsFaults.invalid('Your proposed upload is larger than the maximum.', 'EntityTooLarge');
}

function readPartList(source: string): Array<{ partNumber: number; etag: string }> {
  try {
    const document = parseXml(source);
    const parts = document.children.filter((child) => child.name === 'Part');
    if (document.name !== 'CompleteMultipartUpload' || parts.length === 0)
      throw new XmlSyntaxError('No parts.');
    return parts.map((part) => ({
      partNumber: Number(childText(part, 'PartNumber')),
      etag: (childText(part, 'ETag') ?? '').replaceAll('"', ''),
    }));
  } catch (error) {
    if (!(error instanceof XmlSyntaxError)) throw error;
    throw new GcsFault(400, 'invalid', error.message, { code: 'MalformedCompleteMultipartUploadRequest' });
  }
}

function matchParts(
  upload: GcsUpload,
  listed: ReadonlyArray<{ partNumber: number; etag: string }>,
  minPartBytes: number,
): GcsPart[] {
  const fault = (code: string, message: string) => new GcsFault(400, 'invalid', message, { code });
  const ascending = listed.every(
    (part, index) => index === 0 || part.partNumber > listed[index - 1]!.partNumber,
  );
  if (!ascending) throw fault('InvalidPartOrder', 'The parts were not in ascending order.');
  const parts = listed.map(({ partNumber, etag }) => {
    const part = upload.parts.get(partNumber);
    if (part?.md5Hex !== etag)
      throw fault('InvalidPart', 'One or more of the specified parts could not be found.');
    return part;
  });
  if (parts.slice(0, -1).some(({ segment }) => segment.sizeBytes < minPartBytes)) {
    throw fault('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed object size.');
  }
  return parts;
}

function result(name: string, parts: readonly string[], headers: Record<string, string> = {}): DoubleAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'application/xml; charset=UTF-8', ...headers },
    body: `${XML_DECLARATION}<${name} xmlns="${NAMESPACE}">${parts.join('')}</${name}>`,
  };
}
