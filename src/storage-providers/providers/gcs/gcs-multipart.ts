import { assertObjectKey } from '../../object-key.js';
import { StorageError, isStorageError } from '../../storage-errors.js';
import type {
  CallOptions,
  MultipartUploads,
  ObjectHead,
  UnfinishedUpload,
  UploadedPart,
} from '../../storage-provider.js';
import { protocolError } from '../http/answer-body.js';
import { SentDigest } from '../http/sent-digest.js';
import { lengthIn } from '../http/content-headers.js';
import { childText, childrenOf, escapeXml, type XmlElement } from '../http/xml.js';
import type { GcsClient } from './gcs-client.js';
import { percentEncode, queryString, xmlPath } from './gcs-paths.js';
import { storedMd5 } from './stored-headers.js';

const MIB = 1024 ** 2;
/** Google: "can take several minutes to process a request to complete a multipart upload". */
const COMPLETE_MS = 5 * 60_000;
/** At 1,000 uploads a page: more unfinished uploads than this are no bucket of ours. */
const MAX_LIST_PAGES = 1_000;

type HeadObject = (key: string, options: CallOptions) => Promise<ObjectHead>;

/**
 * Multipart uploads of the XML API. Cloud Storage takes no precondition on them ("400 NotImplemented"), so
 * `createOnly` looks for the key before it completes: it catches a key that exists, not one written at the same
 * moment. Keys that are never used twice need no more; `put` with `createOnly` is atomic.
 */
export function gcsMultipart(client: GcsClient, head: HeadObject): MultipartUploads {
  return {
    minPartBytes: 5 * MIB,
    maxPartBytes: 5 * 1024 * MIB,
    maxParts: 10_000,
    create: (key, options) => create(client, key, options),
    uploadPart: (key, uploadId, partNumber, body, options) =>
      uploadPart(client, { key, uploadId, partNumber, body, ...options }),
    complete: (key, uploadId, parts, options) => complete(client, head, { key, uploadId, parts, ...options }),
    abort: (key, uploadId, options) => abort(client, key, uploadId, options?.signal),
    listParts: (key, uploadId, options) => listParts(client, key, uploadId, options?.signal),
    listUnfinished: (prefix, options) => listUnfinished(client, prefix, options?.signal),
  };
}

async function create(
  client: GcsClient,
  key: string,
  { contentType, signal }: { contentType?: string } & CallOptions,
): Promise<{ uploadId: string }> {
  assertObjectKey(key, 'create_multipart');
  const root = await client.xml(
    {
      operation: 'create_multipart',
      method: 'POST',
      path: `${xmlPath(client.bucket, key)}?uploads`,
      headers: { 'content-type': contentType ?? 'application/octet-stream' },
      body: Buffer.alloc(0),
      signal,
    },
    'InitiateMultipartUploadResult',
  );
  const uploadId = childText(root, 'UploadId');
  if (!uploadId) throw protocolError('create_multipart', 'an upload without its id');
  return { uploadId };
}

type PartToSend = Pick<UploadedPart, 'partNumber' | 'sizeBytes'> & {
  readonly key: string;
  readonly uploadId: string;
  readonly body: Parameters<MultipartUploads['uploadPart']>[3];
  readonly md5?: Uint8Array;
} & CallOptions;

async function uploadPart(client: GcsClient, part: PartToSend): Promise<UploadedPart> {
  const { key, uploadId, partNumber, sizeBytes, md5, body, signal } = part;
  assertObjectKey(key, 'upload_part');
  const digest = new SentDigest();
  const headers = await client.done({
    operation: 'upload_part',
    method: 'PUT',
    path: xmlPath(client.bucket, key) + queryString({ partNumber: String(partNumber), uploadId }),
    headers: md5 === undefined ? {} : { 'content-md5': Buffer.from(md5).toString('base64') },
    body,
    sizeBytes,
    onChunk: digest.onChunk,
    signal,
  });
  digest.assertStored(storedMd5(headers), 'upload_part');
  const etag = headers.etag?.replaceAll('"', '');
  if (!etag) throw protocolError('upload_part', 'a part without an ETag');
  return { partNumber, etag, sizeBytes };
}

type UploadToComplete = {
  readonly key: string;
  readonly uploadId: string;
  readonly parts: readonly UploadedPart[];
  readonly createOnly?: boolean;
} & CallOptions;

async function complete(
  client: GcsClient,
  head: HeadObject,
  upload: UploadToComplete,
): Promise<{ etag: string }> {
  const { key, uploadId, parts, createOnly, signal } = upload;
  assertObjectKey(key, 'complete_multipart');
  if (createOnly === true && (await exists(head, key, signal))) throw alreadyExists();
  const listed = parts.map(
    ({ partNumber, etag }) =>
      `<Part><PartNumber>${partNumber}</PartNumber><ETag>${escapeXml(`"${etag}"`)}</ETag></Part>`,
  );
  const root = await client.xml(
    {
      operation: 'complete_multipart',
      method: 'POST',
      path: xmlPath(client.bucket, key) + queryString({ uploadId }),
      headers: { 'content-type': 'application/xml' },
      body: Buffer.from(`<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`),
      responseMs: COMPLETE_MS,
      signal,
    },
    'CompleteMultipartUploadResult',
  );
  if (!childText(root, 'ETag')) throw protocolError('complete_multipart', 'an object without an ETag');
  const { etag, sizeBytes } = await head(key, { signal });
  const sentBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  if (sizeBytes !== sentBytes) throw otherLength(sizeBytes, sentBytes);
  return { etag };
}

async function abort(client: GcsClient, key: string, uploadId: string, signal?: AbortSignal): Promise<void> {
  assertObjectKey(key, 'abort_multipart');
  const path = xmlPath(client.bucket, key) + queryString({ uploadId });
  try {
    await client.done({ operation: 'abort_multipart', method: 'DELETE', path, signal });
  } catch (error) {
    if (!isStorageError(error, 'object_not_found')) throw error;
  }
}

async function listParts(
  client: GcsClient,
  key: string,
  uploadId: string,
  signal?: AbortSignal,
): Promise<UploadedPart[]> {
  assertObjectKey(key, 'list_parts');
  const found: UploadedPart[] = [];
  for (let after = 0; ;) {
    const marker = after === 0 ? undefined : String(after);
    const query = queryString({ uploadId, 'max-parts': '1000', 'part-number-marker': marker });
    const path = xmlPath(client.bucket, key) + query;
    const root = await client.xml(
      { operation: 'list_parts', method: 'GET', path, signal },
      'ListPartsResult',
    );
    found.push(...childrenOf(root, 'Part').map(readPart));
    if (childText(root, 'IsTruncated') === 'false') return found;
    const last = found.at(-1)?.partNumber ?? 0;
    if (childText(root, 'IsTruncated') !== 'true' || last <= after) break;
    after = last;
  }
  throw protocolError('list_parts', 'a list of parts that does not end');
}

function readPart(part: XmlElement): UploadedPart {
  const partNumber = lengthIn(childText(part, 'PartNumber'));
  const sizeBytes = lengthIn(childText(part, 'Size'));
  const etag = childText(part, 'ETag')?.replaceAll('"', '');
  if (!partNumber || sizeBytes === undefined || !etag) {
    throw protocolError('list_parts', 'a part that lacks its number, size or ETag');
  }
  return { partNumber, etag, sizeBytes };
}

async function listUnfinished(
  client: GcsClient,
  prefix: string,
  signal?: AbortSignal,
): Promise<UnfinishedUpload[]> {
  const found: UnfinishedUpload[] = [];
  let after: { 'key-marker'?: string; 'upload-id-marker'?: string } = {};
  for (let pages = 0; pages < MAX_LIST_PAGES; pages += 1) {
    const query = queryString({ uploads: '', prefix, 'max-uploads': '1000', ...after });
    const path = `/${percentEncode(client.bucket)}/${query}`;
    const root = await client.xml(
      { operation: 'list_multipart', method: 'GET', path, signal },
      'ListMultipartUploadsResult',
    );
    found.push(...childrenOf(root, 'Upload').map((upload) => readUpload(upload, prefix)));
    if (childText(root, 'IsTruncated') === 'false') return found;
    const next = {
      'key-marker': childText(root, 'NextKeyMarker'),
      'upload-id-marker': childText(root, 'NextUploadIdMarker'),
    };
    const goesOn = next['key-marker'] && JSON.stringify(next) !== JSON.stringify(after);
    if (!goesOn || childText(root, 'IsTruncated') !== 'true') break;
    after = next;
  }
  throw protocolError('list_multipart', 'a list of uploads that does not end');
}

function readUpload(upload: XmlElement, prefix: string): UnfinishedUpload {
  const key = childText(upload, 'Key');
  const uploadId = childText(upload, 'UploadId');
  const startedAt = new Date(childText(upload, 'Initiated') ?? Number.NaN);
  if (!key?.startsWith(prefix) || !uploadId || Number.isNaN(startedAt.getTime())) {
    throw protocolError('list_multipart', 'an upload that lacks its key, id or time');
  }
  return { key, uploadId, startedAt };
}

async function exists(head: HeadObject, key: string, signal?: AbortSignal): Promise<boolean> {
  try {
    await head(key, { signal });
    return true;
  } catch (error) {
    if (isStorageError(error, 'object_not_found')) return false;
    throw error;
  }
}

function alreadyExists(): StorageError {
  return new StorageError('conflict', 'The object already exists.', {
    operation: 'complete_multipart',
    hint: 'Store it under another key, or delete the object first.',
    retryable: false,
  });
}

function otherLength(sizeBytes: number, sentBytes: number): StorageError {
  return new StorageError(
    'integrity',
    `The object has ${sizeBytes} bytes instead of the ${sentBytes} sent.`,
    {
      operation: 'complete_multipart',
      hint: 'Delete the object and upload it again.',
      retryable: false,
    },
  );
}
