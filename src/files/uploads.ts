import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { OpenedConfig } from '../credentials/cloud-storages.service.js';
import { RequestError } from '../errors/request-errors.js';
import { declaredSha256 } from './declared-digest.js';
import { fileTooLarge, noFileProvided } from './file-errors.js';
import { type FileRecords, mayHaveTakenEffect } from './file-records.js';
import type { FileOwner, FilePlace, StoredFile, WrittenFile } from './written-file.js';
import { filenameOfQuery } from './filename.js';
import { formBoundary, isMultipartForm } from './form-boundary.js';
import { FormFiles } from './form-files.js';
import type { IncomingFile, UploadTarget } from './incoming-file.js';
import { MeasuredContent } from './measured-content.js';
import { cleanMediaType } from './media-type.js';
import type { ObjectWriter } from './object-writer.js';
import type { Quotas } from './quotas.js';
import { RequestBytes } from './request-bytes.js';
import { largestFileBytes } from './upload-plan.js';
import { placeOfQuery } from './upload-place.js';
import type { UploadSlots } from './upload-slots.js';

/** A request with a file in its body, none of which was read yet. */
export interface UploadRequest {
  readonly userId: number;
  readonly body: Readable;
  /** Path and query. */
  readonly url: string;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  /** Undefined for a chunked body. */
  readonly contentLength: number | undefined;
  /** Repr-Digest or Content-Digest; heeded for a body that is the file itself. */
  readonly digest: string | undefined;
  /** What the request's Idempotency-Key stands for; `resumed` when an earlier attempt ended without an answer. */
  readonly operation: { readonly operationId: string; readonly resumed: boolean } | undefined;
}

/** The file that gets a new version, under its present name. */
export type ReplacedFile = Required<Pick<FilePlace, 'filename' | 'replacesFileId'>> &
  Pick<FilePlace, 'ifMatch'>;

export interface UploadedFiles {
  /** Whether the form used the field for many files, even if it carried one. */
  readonly many: boolean;
  readonly files: readonly StoredFile[];
}

/** A content of known length that no request carries. */
export interface OwnContent extends FilePlace {
  readonly contentType: string;
  readonly sizeBytes: number;
  /** The next piece; null after `sizeBytes`, or before if there are no more. */
  readonly read: () => Promise<Buffer | null>;
  /** Runs after the last piece and before the object can come into being: may still refuse the content. */
  readonly atEnd: () => Promise<void>;
}

export interface UploadsOptions {
  /** The user's open bucket; rejects when none is configured. */
  readonly bucketOf: (userId: number) => Promise<OpenedConfig>;
  /** The user's own limit, in bytes. */
  readonly maxFileSizeOf: (userId: number) => number | Promise<number>;
  readonly quotas: Pick<Quotas, 'assertRoom'>;
  readonly records: FileRecords;
  readonly writer: ObjectWriter;
  readonly slots: UploadSlots;
  /** Hears of each stored file. */
  readonly countBytes: (bytes: number) => void;
}

/**
 * Takes files in. Everything that headers tell is checked before the first byte of the body is read: bucket, type,
 * length, name. A request's files become visible together, once all are whole in the bucket and their rows are
 * durable; otherwise it leaves nothing.
 */
export class Uploads {
  constructor(private readonly options: UploadsOptions) {}

  /** A multipart/form-data body: one file in the field `file`, or many in `files`. */
  async receiveForm(request: UploadRequest): Promise<UploadedFiles> {
    const target = await this.targetOf(request.userId);
    assertNotEncoded(request);
    const boundary = formBoundary(request.contentType);
    const limitBytes = await this.limitOf(target);
    const place = placeOfQuery(request.url);
    return this.reading(request, async (bytes) => {
      const form = new FormFiles(bytes, {
        boundary,
        contentLength: request.contentLength,
        limitBytes,
        place,
      });
      const first = await form.next();
      if (first === null) throw noFileProvided('Send it in the form field "file", or many in "files".');
      const files =
        (await this.earlier(request)) ?? (await this.storeAll(target, request, bytes, first, form));
      return { many: form.many, files };
    });
  }

  /**
   * A body that is the file itself.
   * @param replaced the file that it becomes a new version of; without it, the query tells its name and place
   */
  async receiveRaw(request: UploadRequest, replaced?: ReplacedFile): Promise<StoredFile> {
    const target = await this.targetOf(request.userId);
    assertNotEncoded(request);
    assertNotForm(request);
    const sizeBytes = request.contentLength;
    const limitBytes = (await this.limitOf(target))(sizeBytes !== undefined);
    if (sizeBytes !== undefined && sizeBytes > limitBytes) throw fileTooLarge(limitBytes);
    const place = replaced ?? { ...placeOfQuery(request.url), filename: filenameOfQuery(request.url) };
    const contentType = cleanMediaType(request.contentType);
    const checksum = declaredSha256(request.digest);
    return this.reading(request, async (bytes) => {
      const content = new MeasuredContent({ read: () => bytes.next() }, limitBytes, { checksum });
      const file: IncomingFile = { ...place, contentType, sizeBytes, limitBytes, content };
      const [stored] =
        (await this.earlier(request)) ?? (await this.storeAll(target, request, bytes, file, undefined));
      return stored as StoredFile;
    });
  }

  /**
   * Writes a content of the server's own into the user's bucket; what it becomes there `save` decides, which must be
   * durable when it resolves. When it fails without having taken effect, nothing is left in the bucket.
   * @throws FilesError `file_too_large`, `quota_exceeded`, StorageError, CredentialsError, the signal's reason, or what
   *   `content` and `save` throw
   */
  async storeOwn<T>(
    userId: number,
    content: OwnContent,
    signal: AbortSignal,
    save: (owner: FileOwner, written: WrittenFile) => Promise<T>,
  ): Promise<T> {
    const { writer, countBytes, quotas } = this.options;
    const { read, atEnd, ...file } = content;
    const target = await this.targetOf(userId);
    const limitBytes = (await this.limitOf(target))(true);
    if (file.sizeBytes > limitBytes) throw fileTooLarge(limitBytes);
    await quotas.assertRoom(userId, file.sizeBytes);
    const measured = new MeasuredContent({ read }, limitBytes, { atEnd });
    const incoming: IncomingFile = { ...file, limitBytes, content: measured };
    const written = await writer.write(target, incoming, `f/${randomUUID()}/${randomUUID()}`, { signal });
    try {
      const saved = await save(target, written);
      countBytes(written.sizeBytes);
      return saved;
    } catch (error) {
      if (!mayHaveTakenEffect(error)) await writer.discard(target, written);
      throw error;
    }
  }

  private async targetOf(userId: number): Promise<UploadTarget> {
    const { configId, provider, storage } = await this.options.bucketOf(userId);
    return { userId, configId, provider, storage };
  }

  private async limitOf({ userId, storage }: UploadTarget): Promise<(sizeKnown: boolean) => number> {
    const maxFileSize = await this.options.maxFileSizeOf(userId);
    return (sizeKnown) => Math.min(maxFileSize, largestFileBytes(sizeKnown, storage));
  }

  /** Runs with the request's body open and one of the user's slots taken. */
  private async reading<T>(request: UploadRequest, work: (bytes: RequestBytes) => Promise<T>): Promise<T> {
    const { slots } = this.options;
    const bytes = new RequestBytes(request.body, request.contentLength);
    try {
      return await slots.run(request.userId, () => work(bytes), bytes.signal);
    } finally {
      bytes.release();
    }
  }

  /** What an earlier attempt of the same operation stored before it crashed. */
  private async earlier({ userId, operation }: UploadRequest): Promise<readonly StoredFile[] | undefined> {
    if (operation?.resumed !== true) return undefined;
    const files = await this.options.records.ofOperation(userId, operation.operationId);
    return files.length > 0 ? files : undefined;
  }

  private async storeAll(
    target: UploadTarget,
    request: UploadRequest,
    bytes: RequestBytes,
    first: IncomingFile,
    form: FormFiles | undefined,
  ): Promise<StoredFile[]> {
    const { records, countBytes, quotas } = this.options;
    const written = await this.writeAll(target, request, bytes, first, form);
    try {
      // Once more: the length may have shown only now, and others may have stored files meanwhile.
      await quotas.assertRoom(target.userId, bytesOf(written));
      const stored = await records.save(target, written);
      for (const { sizeBytes } of stored) countBytes(sizeBytes);
      return stored;
    } catch (error) {
      if (!mayHaveTakenEffect(error)) await this.discardAll(target, written);
      throw error;
    }
  }

  private async writeAll(
    target: UploadTarget,
    request: UploadRequest,
    bytes: RequestBytes,
    first: IncomingFile,
    form: FormFiles | undefined,
  ): Promise<WrittenFile[]> {
    const { writer, quotas } = this.options;
    const fileId = request.operation?.operationId ?? randomUUID();
    const written: WrittenFile[] = [];
    try {
      for (let file: IncomingFile | null = first; file !== null; file = (await form?.next()) ?? null) {
        const sizeBytes = file.sizeBytes === undefined ? undefined : bytesOf(written) + file.sizeBytes;
        await quotas.assertRoom(target.userId, sizeBytes);
        // Names are never reused: every attempt at every file has a key of its own.
        written.push(await writer.write(target, file, `f/${fileId}/${randomUUID()}`, bytes));
      }
      return written;
    } catch (error) {
      await this.discardAll(target, written);
      throw error;
    }
  }

  private async discardAll(target: UploadTarget, written: readonly WrittenFile[]): Promise<void> {
    for (const file of written) await this.options.writer.discard(target, file);
  }
}

function bytesOf(files: readonly WrittenFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function assertNotEncoded({ contentEncoding }: UploadRequest): void {
  if (contentEncoding === undefined || contentEncoding.toLowerCase() === 'identity') return;
  throw new RequestError(
    'unsupported_media_type',
    'Bodies with a Content-Encoding are not read. Send it without.',
  );
}

function assertNotForm({ contentType }: UploadRequest): void {
  if (!isMultipartForm(contentType)) return;
  throw new RequestError(
    'unsupported_media_type',
    'This method takes the file itself as its body. POST a form.',
  );
}
