import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { DataSource } from 'typeorm';
import type { OpenedConfig } from '../../credentials/cloud-storages.service.js';
import { notFound } from '../../errors/request-errors.js';
import type { IdempotencyClaim } from '../../rest/idempotency-claim.decorator.js';
import { CloudFile } from '../cloud-file.entity.js';
import { fileDamaged, fileTooLarge } from '../file-errors.js';
import { type FileRecords, mayHaveTakenEffect } from '../file-records.js';
import { assertFilename } from '../filename.js';
import { cleanFolder } from '../folder-path.js';
import type { Sender, UploadTarget } from '../incoming-file.js';
import { MeasuredContent } from '../measured-content.js';
import type { ObjectWriter } from '../object-writer.js';
import type { Quotas } from '../quotas.js';
import { isOtherThanItsRow, storedContent } from '../stored-content.js';
import { cleanTags } from '../tags.js';
import { largestFileBytes } from '../upload-plan.js';
import type { UploadSlots } from '../upload-slots.js';
import type { StoredFile, WrittenFile } from '../written-file.js';
import type { FileToCopy, ObjectCopier } from './object-copier.js';

export interface FileCopiesOptions {
  readonly database: DataSource;
  /** The bucket that new files of a user go into. */
  readonly activeBucketOf: (userId: number) => Promise<OpenedConfig>;
  /** The bucket that a configuration of the user names. */
  readonly bucketOf: (userId: number, configId: number) => Promise<OpenedConfig>;
  /** The user's own limit, in bytes. */
  readonly maxFileSizeOf: (userId: number) => number | Promise<number>;
  readonly quotas: Pick<Quotas, 'assertRoom'>;
  readonly records: FileRecords;
  readonly writer: ObjectWriter;
  readonly copier: ObjectCopier;
  readonly slots: UploadSlots;
  /** Hears of each stored file. */
  readonly countBytes: (bytes: number) => void;
}

/** What the copy is called; what is absent is as it is with the source. */
export interface CopyPlace {
  readonly filename?: string;
  readonly folder?: string;
  readonly tags?: readonly string[];
}

/**
 * Makes files of the present content of others. The bucket copies by itself where it can; otherwise, and when the file
 * lies in an earlier bucket, the content is read and written in bounded memory.
 */
export class FileCopies {
  constructor(private readonly options: FileCopiesOptions) {}

  /**
   * @throws RequestError `not_found`; FilesError `invalid_filename`, `invalid_folder`, `invalid_tags`, `file_too_large`,
   *   `quota_exceeded`, `too_many_uploads`, `file_damaged`; CredentialsError, StorageError
   */
  async copy(
    [userId, fileId]: readonly [number, number],
    place: CopyPlace,
    claim: Pick<IdempotencyClaim, 'operationId' | 'resumed'> | undefined,
    sender: Sender,
  ): Promise<StoredFile> {
    const { records, slots } = this.options;
    const cleaned = clean(place);
    const earlier = claim?.resumed ? await records.ofOperation(userId, claim.operationId) : [];
    if (earlier[0] !== undefined) return earlier[0];
    const { source, target } = await this.admit(userId, fileId);
    await slots.enter(userId, sender.signal);
    try {
      // As with uploads: its first part tells repeated requests, and names are never reused.
      const objectKey = `f/${claim?.operationId ?? randomUUID()}/${randomUUID()}`;
      const file = { ...fileToCopy(source), ...cleaned };
      return await this.save(target, await this.write(target, source, file, objectKey, sender));
    } finally {
      slots.leave(userId);
    }
  }

  /** Refuses what `copy` would refuse before it reads or writes anything. */
  async assertAllowed(userId: number, fileId: number, place: CopyPlace): Promise<void> {
    clean(place);
    await this.admit(userId, fileId);
  }

  private async admit(
    userId: number,
    fileId: number,
  ): Promise<{ readonly source: CloudFile; readonly target: UploadTarget }> {
    const { database, activeBucketOf, maxFileSizeOf, quotas } = this.options;
    const source = await database.manager.findOneBy(CloudFile, { id: fileId, userId, state: 'stored' });
    if (source === null) throw notFound('file');
    const target: UploadTarget = { userId, ...(await activeBucketOf(userId)) };
    const limitBytes = Math.min(await maxFileSizeOf(userId), largestFileBytes(true, target.storage));
    if (source.fileSize > limitBytes) throw fileTooLarge(limitBytes);
    await quotas.assertRoom(userId, source.fileSize);
    return { source, target };
  }

  private async write(
    target: UploadTarget,
    source: CloudFile,
    file: FileToCopy,
    objectKey: string,
    sender: Sender,
  ): Promise<WrittenFile> {
    if (source.cloudConfigId === target.configId) {
      const copied = await this.options.copier.copy(target, file, objectKey, sender);
      if (copied !== undefined) return copied;
      // The bucket refused; nothing is left of the attempt, and its key is not used again.
      objectKey = `${objectKey.slice(0, objectKey.lastIndexOf('/'))}/${randomUUID()}`;
    }
    const { storage } = await this.options.bucketOf(target.userId, source.cloudConfigId);
    const { signal } = sender;
    const { body, totalBytes } = await storage.get(file.sourceKey, { signal });
    try {
      if (totalBytes !== file.sizeBytes) throw fileDamaged();
      return await this.writeRead(target, file, body, objectKey, sender);
    } finally {
      body.on('error', () => undefined).destroy();
    }
  }

  /** What is read is what the row says, or nothing is left of it. */
  private async writeRead(
    target: UploadTarget,
    { sourceKey: _, checksum, crc32, sizeBytes, ...file }: FileToCopy,
    body: Readable,
    objectKey: string,
    sender: Sender,
  ): Promise<WrittenFile> {
    const { writer } = this.options;
    const content = new MeasuredContent(
      storedContent(body),
      sizeBytes,
      checksum === null ? {} : { checksum },
    );
    try {
      const incoming = { ...file, sizeBytes, limitBytes: sizeBytes, content };
      const written = await writer.write(target, incoming, objectKey, sender);
      if (crc32 === null || written.crc32 === crc32) return written;
      await writer.discard(target, written);
      throw fileDamaged();
    } catch (error) {
      throw isOtherThanItsRow(error) ? fileDamaged() : error;
    }
  }

  private async save(target: UploadTarget, written: WrittenFile): Promise<StoredFile> {
    const { records, quotas, writer, countBytes } = this.options;
    try {
      // Once more: others may have stored files meanwhile.
      await quotas.assertRoom(target.userId, written.sizeBytes);
      const [stored] = await records.save(target, [written]);
      countBytes(written.sizeBytes);
      return stored!;
    } catch (error) {
      if (!mayHaveTakenEffect(error)) await writer.discard(target, written);
      throw error;
    }
  }
}

function clean({ filename, folder, tags }: CopyPlace): CopyPlace {
  if (filename !== undefined) assertFilename(filename);
  return {
    ...(filename !== undefined && { filename }),
    ...(folder !== undefined && { folder: cleanFolder(folder) }),
    ...(tags !== undefined && { tags: cleanTags(tags) }),
  };
}

function fileToCopy(source: CloudFile): FileToCopy {
  const { filename, folder, tags, contentType, fileSize, objectKey, checksum, checksumSource, crc32 } =
    source;
  const content = { contentType, sizeBytes: fileSize, sourceKey: objectKey, checksum, checksumSource, crc32 };
  return { filename, folder, tags, ...content };
}
