import { assertObjectKey } from '../../object-key.js';
import { isStorageError, type StorageOperation } from '../../storage-errors.js';
import type {
  CallOptions,
  GetOptions,
  ListOptions,
  ListPage,
  MultipartUploads,
  ObjectBody,
  ObjectContent,
  ObjectCopies,
  ObjectHead,
  ObjectStorage,
  PutOptions,
  SignedUrls,
  StorageCapabilities,
  StoredObject,
} from '../../storage-provider.js';
import { protocolError } from '../http/answer-body.js';
import { extentOf, lastModifiedOf, lengthIn } from '../http/content-headers.js';
import type { HttpAnswer } from '../http/http-client.js';
import { SentDigest } from '../http/sent-digest.js';
import type { AzureClient } from './azure-client.js';
import { azureCopies } from './azure-copies.js';
import { bareEtag, readListPage, readOrderedPage } from './azure-listing.js';
import { azureMultipart } from './azure-multipart.js';

const MAX_PAGE = 1_000;
const MIB = 1024 ** 2;

export interface AzureStorageOptions {
  readonly client: AzureClient;
  readonly accountName: string;
  readonly capabilities: StorageCapabilities;
  readonly signedUrls: SignedUrls;
  readonly close: () => Promise<void>;
}

/** One container of Azure Blob Storage; objects are block blobs. */
export class AzureStorage implements ObjectStorage {
  readonly provider = 'azure_blob';
  readonly maxPutBytes = 5_000 * MIB;
  readonly capabilities: StorageCapabilities;
  readonly multipart: MultipartUploads;
  readonly copies: ObjectCopies;
  readonly signedUrls: SignedUrls;
  readonly close: () => Promise<void>;
  private readonly client: AzureClient;
  private readonly accountName: string;

  constructor(options: AzureStorageOptions) {
    this.client = options.client;
    this.accountName = options.accountName;
    this.capabilities = options.capabilities;
    this.signedUrls = options.signedUrls;
    this.close = options.close;
    this.copies = azureCopies(options.client);
    this.multipart = azureMultipart(options.client);
  }

  async put(key: string, body: ObjectBody, options: PutOptions): Promise<StoredObject> {
    assertObjectKey(key, 'put');
    const digest = new SentDigest();
    const headers = await this.client.done({
      operation: 'put',
      method: 'PUT',
      key,
      headers: {
        'x-ms-blob-type': 'BlockBlob',
        'x-ms-blob-content-type': options.contentType ?? 'application/octet-stream',
        ...(options.md5 !== undefined && { 'content-md5': Buffer.from(options.md5).toString('base64') }),
        ...(options.createOnly === true && { 'if-none-match': '*' }),
      },
      body,
      sizeBytes: options.sizeBytes,
      onChunk: digest.onChunk,
      signal: options.signal,
    });
    const etag = etagOf(headers, 'put');
    try {
      digest.assertStored(headers['content-md5'], 'put');
    } catch (error) {
      // Exactly what this call wrote, and nothing that somebody else has written since.
      await this.remove('put', key, { 'if-match': `"${etag}"` }).catch(() => undefined);
      throw error;
    }
    return { etag };
  }

  async get(key: string, { range, signal }: GetOptions = {}): Promise<ObjectContent> {
    assertObjectKey(key, 'get');
    const answer = await this.client.call({
      operation: 'get',
      method: 'GET',
      key,
      headers: { ...(range !== undefined && { 'x-ms-range': `bytes=${range.start}-${range.end}` }) },
      signal,
    });
    try {
      return {
        body: answer.body,
        ...extentOf(answer.status, answer.headers, range),
        etag: etagOf(answer.headers, 'get'),
        contentType: answer.headers['content-type'],
        lastModified: lastModifiedOf(answer.headers, 'get'),
      };
    } catch (error) {
      answer.body.destroy();
      throw error;
    }
  }

  async head(key: string, { signal }: CallOptions = {}): Promise<ObjectHead> {
    assertObjectKey(key, 'head');
    const headers = await this.properties(key, signal);
    const sizeBytes = lengthIn(headers['content-length']);
    if (sizeBytes === undefined) throw protocolError('head', 'an object without its length');
    return {
      key,
      sizeBytes,
      etag: etagOf(headers, 'head'),
      lastModified: lastModifiedOf(headers, 'head'),
      contentType: headers['content-type'],
    };
  }

  async delete(key: string, { signal }: CallOptions = {}): Promise<void> {
    assertObjectKey(key, 'delete');
    try {
      await this.remove('delete', key, {}, signal);
    } catch (error) {
      if (!isStorageError(error, 'object_not_found')) throw error;
    }
  }

  async listPage({ prefix, cursor, limit = MAX_PAGE, signal }: ListOptions): Promise<ListPage> {
    const maxResults = Math.min(Math.max(1, limit), MAX_PAGE);
    return readOrderedPage(async (marker) => {
      const query = {
        restype: 'container',
        comp: 'list',
        maxresults: String(maxResults),
        ...(prefix !== '' && { prefix }),
        ...(marker !== undefined && { marker }),
      };
      const root = await this.client.xml(
        { operation: 'list', method: 'GET', query, signal },
        'EnumerationResults',
      );
      return readListPage(root, this.client.container, maxResults);
    }, cursor);
  }

  urlOf(key: string): string {
    return `azure://${this.accountName}/${this.client.container}/${key}`;
  }

  private async properties(key: string, signal: AbortSignal | undefined): Promise<HttpAnswer['headers']> {
    try {
      return await this.client.done({ operation: 'head', method: 'HEAD', key, signal });
    } catch (error) {
      if (!isStorageError(error) || error.httpStatus !== 403) throw error;
      // HEAD has no text to tell a wrong key from a missing permission or a wrong clock: GET of one byte has.
      const headers = { 'x-ms-range': 'bytes=0-0' };
      const answer = await this.client.call({ operation: 'head', method: 'GET', key, headers, signal });
      answer.body.destroy();
      throw error;
    }
  }

  private async remove(
    operation: StorageOperation,
    key: string,
    conditions: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<void> {
    const headers = { 'x-ms-delete-snapshots': 'include', ...conditions };
    await this.client.done({ operation, method: 'DELETE', key, headers, signal });
  }
}

function etagOf(headers: Readonly<Record<string, string>>, operation: StorageOperation): string {
  const etag = bareEtag(headers.etag);
  if (etag === undefined) throw protocolError(operation, 'an object without an ETag');
  return etag;
}
