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
import { lastModifiedOf } from '../http/content-headers.js';
import { SentDigest } from '../http/sent-digest.js';
import type { GcsClient } from './gcs-client.js';
import { gcsCopies } from './gcs-copies.js';
import { gcsMultipart } from './gcs-multipart.js';
import { jsonPath, queryString, xmlPath } from './gcs-paths.js';
import { OBJECT_FIELDS, readListPage, readObject } from './object-resource.js';
import { generationOf, storedExtentOf, storedMd5 } from './stored-headers.js';

const MAX_PAGE = 1_000;
const TIB = 1024 ** 4;

export interface GcsStorageOptions {
  readonly client: GcsClient;
  readonly capabilities: StorageCapabilities;
  readonly signedUrls: SignedUrls;
  readonly close: () => Promise<void>;
}

/**
 * One bucket of Google Cloud Storage. Content moves through the XML API, which takes a plain PUT of a known length
 * and signs URLs; metadata comes from the JSON API, whose answers say what they are. Etags are generations.
 */
export class GcsStorage implements ObjectStorage {
  readonly provider = 'google_gcs';
  readonly maxPutBytes = 5 * TIB;
  readonly capabilities: StorageCapabilities;
  readonly multipart: MultipartUploads;
  readonly copies: ObjectCopies;
  readonly signedUrls: SignedUrls;
  readonly close: () => Promise<void>;
  private readonly client: GcsClient;

  constructor({ client, capabilities, signedUrls, close }: GcsStorageOptions) {
    this.client = client;
    this.capabilities = capabilities;
    this.signedUrls = withCheckedKeys(signedUrls);
    this.close = close;
    this.copies = gcsCopies(client, (key) => this.delete(key));
    this.multipart = gcsMultipart(client, (key, options) => this.headFor('complete_multipart', key, options));
  }

  async put(key: string, body: ObjectBody, options: PutOptions): Promise<StoredObject> {
    assertObjectKey(key, 'put');
    const digest = new SentDigest();
    const headers = await this.client.done({
      operation: 'put',
      method: 'PUT',
      path: xmlPath(this.client.bucket, key),
      headers: {
        'content-type': options.contentType ?? 'application/octet-stream',
        ...(options.md5 !== undefined && { 'content-md5': Buffer.from(options.md5).toString('base64') }),
        ...(options.createOnly === true && { 'x-goog-if-generation-match': '0' }),
      },
      body,
      sizeBytes: options.sizeBytes,
      onChunk: digest.onChunk,
      signal: options.signal,
    });
    const etag = generationOf(headers, 'put');
    try {
      digest.assertStored(storedMd5(headers), 'put');
    } catch (error) {
      // Exactly what this call wrote, and nothing that somebody else has written since.
      await this.remove('put', key, { ifGenerationMatch: etag }).catch(() => undefined);
      throw error;
    }
    return { etag };
  }

  async get(key: string, { range, signal }: GetOptions = {}): Promise<ObjectContent> {
    assertObjectKey(key, 'get');
    const { status, headers, body } = await this.client.call({
      operation: 'get',
      method: 'GET',
      path: xmlPath(this.client.bucket, key),
      headers: {
        // Otherwise Cloud Storage unpacks objects that were stored with Content-Encoding: gzip.
        'accept-encoding': 'gzip',
        ...(range !== undefined && { range: `bytes=${range.start}-${range.end}` }),
      },
      signal,
    });
    try {
      return {
        body,
        ...storedExtentOf(status, headers, range),
        etag: generationOf(headers, 'get'),
        contentType: headers['content-type'],
        lastModified: lastModifiedOf(headers, 'get'),
      };
    } catch (error) {
      body.destroy();
      throw error;
    }
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectHead> {
    assertObjectKey(key, 'head');
    return this.headFor('head', key, options);
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
    const query = queryString({
      prefix,
      maxResults: String(maxResults),
      pageToken: cursor,
      fields: `kind,nextPageToken,items(${OBJECT_FIELDS})`,
    });
    const path = jsonPath(this.client.bucket) + query;
    const answer = await this.client.json({ operation: 'list', method: 'GET', path, signal });
    return readListPage(answer, this.client.bucket, maxResults);
  }

  urlOf(key: string): string {
    return `gs://${this.client.bucket}/${key}`;
  }

  private async headFor(
    operation: StorageOperation,
    key: string,
    { signal }: CallOptions,
  ): Promise<ObjectHead> {
    const path = jsonPath(this.client.bucket, key) + queryString({ fields: `${OBJECT_FIELDS},contentType` });
    const answer = await this.client.json({ operation, method: 'GET', path, signal });
    return readObject(answer, this.client.bucket, operation);
  }

  private async remove(
    operation: StorageOperation,
    key: string,
    condition: { readonly ifGenerationMatch?: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const path = jsonPath(this.client.bucket, key) + queryString(condition);
    await this.client.done({ operation, method: 'DELETE', path, signal });
  }
}

function withCheckedKeys(urls: SignedUrls): SignedUrls {
  return {
    signGet: async (key, options) => {
      assertObjectKey(key, 'sign');
      return urls.signGet(key, options);
    },
    signPut: async (key, options) => {
      assertObjectKey(key, 'sign');
      return urls.signPut(key, options);
    },
    signPart: async (key, uploadId, options) => {
      assertObjectKey(key, 'sign');
      return urls.signPart!(key, uploadId, options);
    },
  };
}
