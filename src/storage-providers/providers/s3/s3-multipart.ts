import type {
  CompleteMultipartUploadCommandInput,
  ListMultipartUploadsCommandOutput,
  Part,
} from '@aws-sdk/client-s3';
import { assertObjectKey } from '../../object-key.js';
import { StorageError, isStorageError } from '../../storage-errors.js';
import type {
  CallOptions,
  MultipartUploads,
  ObjectBody,
  StoredObject,
  UnfinishedUpload,
  UploadedPart,
} from '../../storage-provider.js';
import type { S3Documents } from './s3-documents.js';
import { bindingHeaders, plainEtag, type S3Objects } from './s3-objects.js';
import { MIN_PART_BYTES } from './s3-quirks.js';
import type { S3Session } from './s3-session.js';

type PartOptions = { readonly sizeBytes: number; readonly md5?: Uint8Array } & CallOptions;
type CompleteOptions = { readonly createOnly?: boolean; readonly contentType?: string } & CallOptions;

/** Pages of unfinished uploads that are read at most; a page has up to 1,000. */
const MAX_PAGES = 100;

/** Large objects in parts. Parts go the same way as whole objects; only the documents around them use the SDK. */
export class S3Multipart implements MultipartUploads {
  readonly minPartBytes = MIN_PART_BYTES;
  readonly maxPartBytes: number;
  readonly maxParts: number;

  readonly #session: S3Session;
  readonly #objects: S3Objects;
  readonly #documents: S3Documents;

  constructor(session: S3Session, objects: S3Objects, documents: S3Documents) {
    this.#session = session;
    this.#objects = objects;
    this.#documents = documents;
    this.maxPartBytes = session.settings.quirks.maxPartBytes;
    this.maxParts = session.settings.quirks.maxParts;
  }

  async create(
    key: string,
    { contentType, signal }: { readonly contentType?: string } & CallOptions,
  ): Promise<{ uploadId: string }> {
    assertObjectKey(key, 'create_multipart');
    const input = { Bucket: this.bucket, Key: key, ContentType: contentType };
    const { UploadId } = await this.#documents.ask('create_multipart', (client, sdk) =>
      client.send(new sdk.CreateMultipartUploadCommand(input), { abortSignal: signal }),
    );
    if (!UploadId || UploadId.length > 1_024) {
      throw this.#session.failures.ofProtocol('create_multipart', 'a new upload without an id');
    }
    return { uploadId: UploadId };
  }

  async uploadPart(
    key: string,
    uploadId: string,
    partNumber: number,
    body: ObjectBody,
    options: PartOptions,
  ): Promise<UploadedPart> {
    assertObjectKey(key, 'upload_part');
    const query = `partNumber=${partNumber}&uploadId=${encodeURIComponent(uploadId)}`;
    const headers = bindingHeaders(this.#session, options);
    const { etag } = await this.#objects.send('upload_part', key, query, headers, body, options);
    return { partNumber, etag, sizeBytes: options.sizeBytes };
  }

  async complete(
    key: string,
    uploadId: string,
    parts: readonly UploadedPart[],
    { createOnly = false, signal }: CompleteOptions,
  ): Promise<StoredObject> {
    assertObjectKey(key, 'complete_multipart');
    const isCreateOnly = createOnly && this.#session.capabilities.createOnly;
    const isConditional = isCreateOnly && this.#session.settings.quirks.conditionalComplete;
    if (isCreateOnly && !isConditional) await this.assertAbsent(key, signal);
    const input: CompleteMultipartUploadCommandInput = {
      Bucket: this.bucket,
      Key: key,
      UploadId: uploadId,
      IfNoneMatch: isConditional ? '*' : undefined,
      MultipartUpload: {
        Parts: parts.map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: `"${etag}"` })),
      },
    };
    const { ETag } = await this.#documents.ask('complete_multipart', (client, sdk) =>
      client.send(new sdk.CompleteMultipartUploadCommand(input), { abortSignal: signal }),
    );
    return { etag: plainEtag(ETag) ?? (await this.etagOfWhole(key, parts, signal)) };
  }

  async abort(key: string, uploadId: string, { signal }: CallOptions = {}): Promise<void> {
    assertObjectKey(key, 'abort_multipart');
    const answer = await this.#session.call({
      operation: 'abort_multipart',
      method: 'DELETE',
      key,
      query: `uploadId=${encodeURIComponent(uploadId)}`,
      signal,
    });
    if (answer.status === 204 || answer.status === 200) return;
    const failure = this.#session.failures.ofAnswer('abort_multipart', answer);
    if (failure.code !== 'object_not_found') throw failure;
  }

  async listParts(
    key: string,
    uploadId: string,
    { signal }: CallOptions = {},
  ): Promise<readonly UploadedPart[]> {
    assertObjectKey(key, 'list_parts');
    const parts: UploadedPart[] = [];
    for (let marker: string | undefined; ;) {
      const input = { Bucket: this.bucket, Key: key, UploadId: uploadId, PartNumberMarker: marker };
      const output = await this.#documents.ask('list_parts', (client, sdk) =>
        client.send(new sdk.ListPartsCommand(input), { abortSignal: signal }),
      );
      if (output.UploadId !== uploadId) throw this.broken('list_parts', 'parts of another upload');
      const before = parts.at(-1)?.partNumber ?? 0;
      parts.push(...(output.Parts ?? []).map((part) => this.partOf(part)));
      if (!output.IsTruncated) return parts;
      const last = parts.at(-1)?.partNumber ?? 0;
      if (last <= before) throw this.broken('list_parts', 'a list of parts that does not go on');
      marker = String(last);
    }
  }

  async listUnfinished(prefix: string, { signal }: CallOptions = {}): Promise<readonly UnfinishedUpload[]> {
    const uploads: UnfinishedUpload[] = [];
    let marker: Marker = {};
    for (let page = 0; page < MAX_PAGES; page += 1) {
      // Keys are asked for as they are: Ceph encodes them when told to, but does not say so.
      const input = { Bucket: this.bucket, Prefix: prefix, ...marker };
      const output = await this.#documents.ask('list_multipart', (client, sdk) =>
        client.send(new sdk.ListMultipartUploadsCommand(input), { abortSignal: signal }),
      );
      uploads.push(...this.uploadsOf(output, prefix));
      const next = this.nextMarker(output, marker);
      if (next === undefined) return uploads;
      marker = next;
    }
    throw this.broken('list_multipart', `more than ${MAX_PAGES} pages of unfinished uploads`);
  }

  private partOf({ PartNumber: partNumber, Size: sizeBytes, ETag }: Part): UploadedPart {
    const etag = plainEtag(ETag);
    if (partNumber && sizeBytes !== undefined && etag !== undefined) return { partNumber, etag, sizeBytes };
    throw this.broken('list_parts', 'a part without its number, size or ETag');
  }

  private uploadsOf(output: ListMultipartUploadsCommandOutput, prefix: string): UnfinishedUpload[] {
    if (output.Bucket !== this.bucket) throw this.broken('list_multipart', 'uploads of another bucket');
    return (output.Uploads ?? []).map(({ Key: key, UploadId, Initiated }) => {
      const isWhole = key && UploadId && Initiated && !Number.isNaN(Initiated.getTime());
      if (!isWhole || !key.startsWith(prefix))
        throw this.broken('list_multipart', 'an unfinished upload that cannot be read');
      return { key, uploadId: UploadId, startedAt: Initiated };
    });
  }

  private nextMarker(output: ListMultipartUploadsCommandOutput, previous: Marker): Marker | undefined {
    if (!output.IsTruncated) return undefined;
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = output;
    const isNew = KeyMarker !== previous.KeyMarker || UploadIdMarker !== previous.UploadIdMarker;
    if (!KeyMarker || !isNew) throw this.broken('list_multipart', 'a list of uploads that does not go on');
    return { KeyMarker, UploadIdMarker };
  }

  /** The best that can be done where the provider does not check it at the end of an upload. */
  private async assertAbsent(key: string, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#objects.head(key, { signal });
    } catch (error) {
      if (isStorageError(error, 'object_not_found')) return;
      throw error;
    }
    throw new StorageError('conflict', 'The object exists already.', {
      operation: 'complete_multipart',
      hint: 'Use another name, or read what is there.',
      retryable: false,
    });
  }

  /** Ceph up to 16 answers an empty ETag: then the object itself must show that it is there and whole. */
  private async etagOfWhole(
    key: string,
    parts: readonly UploadedPart[],
    signal?: AbortSignal,
  ): Promise<string> {
    const expectedBytes = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const { etag, sizeBytes } = await this.#objects.head(key, { signal });
    if (sizeBytes === expectedBytes) return etag;
    throw this.#session.failures.ofProtocol('complete_multipart', 'a finished upload that is not whole');
  }

  private get bucket(): string {
    return this.#session.settings.bucket;
  }

  private broken(operation: 'list_multipart' | 'list_parts', what: string): StorageError {
    return this.#session.failures.ofProtocol(operation, what);
  }
}

interface Marker {
  readonly KeyMarker?: string;
  readonly UploadIdMarker?: string;
}
