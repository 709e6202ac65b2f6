import { randomBytes } from 'node:crypto';
import { assertObjectKey } from '../../object-key.js';
import { StorageError, isStorageError, type StorageOperation } from '../../storage-errors.js';
import type {
  CallOptions,
  MultipartUploads,
  ObjectBody,
  UnfinishedUpload,
  UploadedPart,
} from '../../storage-provider.js';
import { protocolError } from '../http/answer-body.js';
import { lengthIn } from '../http/content-headers.js';
import { assertNotAborted } from '../http/http-client.js';
import { SentDigest } from '../http/sent-digest.js';
import { childText, childrenOf, type XmlElement } from '../http/xml.js';
import type { AzureClient } from './azure-client.js';
import { bareEtag, blobName } from './azure-listing.js';

const MIB = 1024 ** 2;
/** At 1,000 blobs a page; more is an endless listing. */
const MAX_LIST_PAGES = 100_000;

/**
 * Blocks of a block blob as parts. Azure has no upload to create: an upload is a random id, its blocks carry names
 * made of it, and committing their list makes the blob. `abort` has nothing to call: blocks that are not committed
 * are invisible and Azure drops them after a week, or when the blob is written. So two uploads of one key at a time
 * end each other; keys that are used once never meet that.
 */
export function azureMultipart(client: AzureClient): MultipartUploads {
  return {
    minPartBytes: MIB,
    maxPartBytes: 4_000 * MIB,
    maxParts: 50_000,
    create: async (key, { signal }) => {
      assertNotAborted(signal, 'create_multipart');
      assertObjectKey(key, 'create_multipart');
      return { uploadId: randomBytes(16).toString('hex') };
    },
    uploadPart: (key, uploadId, partNumber, body, options) =>
      uploadPart(client, { key, uploadId, partNumber, body, ...options }),
    complete: (key, uploadId, parts, options) => complete(client, { key, uploadId, parts, ...options }),
    abort: async (key, _uploadId, { signal } = {}) => {
      assertNotAborted(signal, 'abort_multipart');
      assertObjectKey(key, 'abort_multipart');
    },
    listParts: (key, uploadId, options) => listParts(client, key, uploadId, options?.signal),
    listUnfinished: (prefix, options) => listUnfinished(client, prefix, options?.signal),
  };
}

interface PartToSend extends CallOptions {
  readonly key: string;
  readonly uploadId: string;
  readonly partNumber: number;
  readonly body: ObjectBody;
  readonly sizeBytes: number;
  readonly md5?: Uint8Array;
}

async function uploadPart(client: AzureClient, part: PartToSend): Promise<UploadedPart> {
  const { key, uploadId, partNumber, sizeBytes, md5, body, signal } = part;
  assertNotAborted(signal, 'upload_part');
  assertObjectKey(key, 'upload_part');
  const etag = blockId(uploadId, partNumber, 'upload_part');
  const digest = new SentDigest();
  const headers = await client.done({
    operation: 'upload_part',
    method: 'PUT',
    key,
    query: { comp: 'block', blockid: etag },
    headers: md5 === undefined ? {} : { 'content-md5': Buffer.from(md5).toString('base64') },
    body,
    sizeBytes,
    onChunk: digest.onChunk,
    signal,
  });
  digest.assertStored(headers['content-md5'], 'upload_part');
  return { partNumber, etag, sizeBytes };
}

interface UploadToComplete extends CallOptions {
  readonly key: string;
  readonly uploadId: string;
  readonly parts: readonly UploadedPart[];
  readonly createOnly?: boolean;
  readonly contentType?: string;
}

async function complete(client: AzureClient, upload: UploadToComplete): Promise<{ etag: string }> {
  const { key, uploadId, parts, createOnly, contentType, signal } = upload;
  assertNotAborted(signal, 'complete_multipart');
  assertObjectKey(key, 'complete_multipart');
  const ids = [...parts]
    .sort((a, b) => a.partNumber - b.partNumber)
    .map(({ partNumber, etag }) => {
      const id = blockId(uploadId, partNumber, 'complete_multipart');
      if (id !== etag) throw foreignPart(partNumber);
      return id;
    });
  const headers = await client.done({
    operation: 'complete_multipart',
    method: 'PUT',
    key,
    query: { comp: 'blocklist' },
    headers: {
      'content-type': 'application/xml',
      'x-ms-blob-content-type': contentType ?? 'application/octet-stream',
      ...(createOnly === true && { 'if-none-match': '*' }),
    },
    body: Buffer.from(
      `<BlockList>${ids.map((id) => `<Uncommitted>${id}</Uncommitted>`).join('')}</BlockList>`,
    ),
    signal,
  });
  const etag = bareEtag(headers.etag);
  if (etag === undefined) throw protocolError('complete_multipart', 'an object without an ETag');
  return { etag };
}

/** Base64 of a text of one length, as Azure demands of all blocks of a blob; it says which upload and part it is. */
export function blockId(uploadId: string, partNumber: number, operation: StorageOperation): string {
  if (UPLOAD_ID.test(uploadId)) {
    return Buffer.from(`${uploadId}-${String(partNumber).padStart(5, '0')}`).toString('base64');
  }
  throw new StorageError('object_not_found', 'The upload does not exist.', {
    operation,
    hint: 'Begin a new upload.',
    retryable: false,
  });
}

const UPLOAD_ID = /^[0-9a-f]{32}$/;

function partOf(id: string): { readonly uploadId: string; readonly partNumber: number } | undefined {
  const [, uploadId, digits] =
    /^([0-9a-f]{32})-(\d{5})$/.exec(Buffer.from(id, 'base64').toString('latin1')) ?? [];
  return uploadId === undefined ? undefined : { uploadId, partNumber: Number(digits) };
}

/** The uncommitted blocks whose names say that they belong to this upload. */
async function listParts(
  client: AzureClient,
  key: string,
  uploadId: string,
  signal?: AbortSignal,
): Promise<UploadedPart[]> {
  assertNotAborted(signal, 'list_parts');
  assertObjectKey(key, 'list_parts');
  blockId(uploadId, 1, 'list_parts');
  try {
    const blocks = await uncommittedBlocks(client, key, 'list_parts', signal);
    const parts = blocks.filter((block) => partOf(block.id)?.uploadId === uploadId);
    return parts
      .map(({ id, sizeBytes }) => ({ partNumber: partOf(id)!.partNumber, etag: id, sizeBytes }))
      .sort((a, b) => a.partNumber - b.partNumber);
  } catch (error) {
    // No blob and no block of one: nothing of this upload has arrived.
    if (isStorageError(error, 'object_not_found')) return [];
    throw error;
  }
}

interface Block {
  readonly id: string;
  readonly sizeBytes: number;
}

async function uncommittedBlocks(
  client: AzureClient,
  key: string,
  operation: StorageOperation,
  signal?: AbortSignal,
): Promise<Block[]> {
  const query = { comp: 'blocklist', blocklisttype: 'uncommitted' };
  const root = await client.xml({ operation, method: 'GET', key, query, signal }, 'BlockList');
  const blocks = childrenOf(root, 'UncommittedBlocks').flatMap((list) => childrenOf(list, 'Block'));
  return blocks.map((block) => {
    const id = childText(block, 'Name');
    const sizeBytes = lengthIn(childText(block, 'Size'));
    if (!id || sizeBytes === undefined) throw protocolError(operation, 'a block that lacks its name or size');
    return { id, sizeBytes };
  });
}

/** A blob that was never written is listed with length 0; the names of its blocks tell the uploads. */
async function listUnfinished(
  client: AzureClient,
  prefix: string,
  signal?: AbortSignal,
): Promise<UnfinishedUpload[]> {
  const found: UnfinishedUpload[] = [];
  let marker = '';
  for (let pages = 0; pages < MAX_LIST_PAGES; pages += 1) {
    const query = {
      restype: 'container',
      comp: 'list',
      include: 'uncommittedblobs',
      ...(prefix !== '' && { prefix }),
      ...(marker !== '' && { marker }),
    };
    const root = await client.xml(
      { operation: 'list_multipart', method: 'GET', query, signal },
      'EnumerationResults',
    );
    const [blobs] = childrenOf(root, 'Blobs');
    const next = childText(root, 'NextMarker');
    if (blobs === undefined || next === undefined || (next !== '' && next === marker)) break;
    for (const blob of childrenOf(blobs, 'Blob').filter(mayBeUnfinished)) {
      found.push(...(await uploadsOf(client, blob, signal)));
    }
    if (next === '') return found;
    marker = next;
  }
  throw protocolError('list_multipart', 'a listing that does not end');
}

function mayBeUnfinished(blob: XmlElement): boolean {
  return Number(childText(childrenOf(blob, 'Properties')[0], 'Content-Length') ?? 0) === 0;
}

async function uploadsOf(
  client: AzureClient,
  blob: XmlElement,
  signal?: AbortSignal,
): Promise<UnfinishedUpload[]> {
  const key = blobName(blob);
  const blocks = await uncommittedBlocks(client, key, 'list_multipart', signal);
  const ids = new Set(blocks.map(({ id }) => partOf(id)?.uploadId));
  const listedAt = new Date(childText(childrenOf(blob, 'Properties')[0], 'Last-Modified') ?? Number.NaN);
  // Without a time it counts as new, so that nobody takes a running upload for an old one.
  const startedAt = Number.isNaN(listedAt.getTime()) ? new Date(client.now()) : listedAt;
  return [...ids].filter((id) => id !== undefined).map((uploadId) => ({ key, uploadId, startedAt }));
}

function foreignPart(partNumber: number): StorageError {
  return new StorageError('integrity', `Part ${partNumber} is not a part of this upload.`, {
    operation: 'complete_multipart',
    hint: 'Complete an upload with the parts that uploadPart answered.',
    retryable: false,
  });
}
