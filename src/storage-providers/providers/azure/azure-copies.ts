import { setTimeout as sleep } from 'node:timers/promises';
import { assertCopyLength } from '../../copy-failures.js';
import { assertObjectKey } from '../../object-key.js';
import { StorageError } from '../../storage-errors.js';
import type { CopiedObject, CopyOptions, ObjectCopies } from '../../storage-provider.js';
import { protocolError } from '../http/answer-body.js';
import { lengthIn } from '../http/content-headers.js';
import type { HttpAnswer } from '../http/http-client.js';
import type { AzureClient } from './azure-client.js';
import { bareEtag } from './azure-listing.js';

const MIB = 1024 ** 2;
/** The largest block blob. */
const MAX_BLOB_BYTES = 50_000 * 4_000 * MIB;
const FIRST_POLL_MS = 100;
const LONGEST_POLL_MS = 5_000;

type Headers = HttpAnswer['headers'];

/**
 * Copy Blob (https://learn.microsoft.com/rest/api/storageservices/copy-blob): the account's key opens the source, too.
 * Within one account it has mostly ended when it answers; until then the blob has its name, but not its content. Azure
 * copies a blob's MD5 as a property, so nothing but the length tells that both are the same.
 */
export function azureCopies(client: AzureClient): ObjectCopies {
  return {
    maxCopyBytes: MAX_BLOB_BYTES,
    copy: (fromKey, toKey, options) => copy(client, [fromKey, toKey], options),
  };
}

async function copy(
  client: AzureClient,
  [fromKey, toKey]: readonly [string, string],
  { sizeBytes, createOnly, signal }: CopyOptions,
): Promise<CopiedObject> {
  assertObjectKey(fromKey, 'copy');
  assertObjectKey(toKey, 'copy');
  const source = await client.done({ operation: 'copy', method: 'HEAD', key: fromKey, signal });
  assertCopyLength('source', lengthOf(source), sizeBytes);
  const begun = await client.done({
    operation: 'copy',
    method: 'PUT',
    key: toKey,
    headers: {
      'x-ms-copy-source': client.urlOf(fromKey),
      'x-ms-source-if-match': `"${etagOf(source)}"`,
      ...(createOnly === true && { 'if-none-match': '*' }),
    },
    signal,
  });
  const copyId = begun['x-ms-copy-id'];
  if (copyId === undefined) throw protocolError('copy', 'a copy without an id');
  try {
    const copied = await ended(client, toKey, copyId, signal);
    assertCopyLength('copy', lengthOf(copied), sizeBytes);
    return { etag: etagOf(copied), proof: 'length' };
  } catch (error) {
    await undo(client, toKey, copyId).catch(() => undefined);
    throw error;
  }
}

/** The properties of the copy once all of its content is there. */
async function ended(
  client: AzureClient,
  key: string,
  copyId: string,
  signal: AbortSignal | undefined,
): Promise<Headers> {
  for (let pauseMs = FIRST_POLL_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_POLL_MS)) {
    const headers = await client.done({ operation: 'copy', method: 'HEAD', key, signal });
    if (headers['x-ms-copy-id'] !== copyId) throw protocolError('copy', 'the outcome of another copy');
    const status = headers['x-ms-copy-status'];
    if (status === 'success') return headers;
    if (status !== 'pending') throw failed(status);
    await sleep(pauseMs, undefined, { signal }).catch((cause: unknown) => {
      throw aborted(cause);
    });
  }
}

/** Ends a copy that still runs, which cannot be deleted before, and removes what it has made. */
async function undo(client: AzureClient, key: string, copyId: string): Promise<void> {
  const query = { comp: 'copy', copyid: copyId };
  const headers = { 'x-ms-copy-action': 'abort' };
  await client.done({ operation: 'copy', method: 'PUT', key, query, headers }).catch(() => undefined);
  await client.done({ operation: 'copy', method: 'DELETE', key });
}

function lengthOf(headers: Headers): number {
  const sizeBytes = lengthIn(headers['content-length']);
  if (sizeBytes === undefined) throw protocolError('copy', 'an object without its length');
  return sizeBytes;
}

function etagOf(headers: Headers): string {
  const etag = bareEtag(headers.etag);
  if (etag === undefined) throw protocolError('copy', 'an object without an ETag');
  return etag;
}

function failed(status: string | undefined): StorageError {
  return new StorageError('provider_error', 'The provider could not copy the object.', {
    operation: 'copy',
    hint: 'Try again; if it stays, look at the state of the storage account.',
    retryable: true,
    providerCode: `COPY_${(status ?? 'UNKNOWN').toUpperCase()}`,
  });
}

function aborted(cause: unknown): StorageError {
  return new StorageError('aborted', 'The call was aborted.', {
    operation: 'copy',
    hint: 'Nothing to repair: the caller ended the call.',
    retryable: false,
    cause,
  });
}
