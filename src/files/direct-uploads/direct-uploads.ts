import { randomUUID } from 'node:crypto';
import type { CloudStorages, OpenedConfig } from '../../credentials/cloud-storages.service.js';
import { notFound, validationFailed } from '../../errors/request-errors.js';
import type { ObjectStorage, UploadedPart } from '../../storage-providers/storage-provider.js';
import { fileTooLarge, uploadBusy, uploadEnded } from '../file-errors.js';
import type { OpenUploads } from '../open-uploads.js';
import type { Quotas } from '../quotas.js';
import { CLEAN_UP_MS } from '../upload-limits.js';
import { FIRST_URLS } from './direct-limits.js';
import { planParts } from './direct-plan.js';
import type { DirectRows } from './direct-rows.js';
import { type DirectUpload, type DirectUploadPlace, partCountOf } from './direct-upload.js';
import { isBinding, type PartUrl, signParts, type WantedPart } from './part-urls.js';
import { arrivedParts } from './upload-completion.js';

export interface NewUpload extends DirectUploadPlace {
  /** Length of the parts that the client would like. */
  readonly partBytes: number | undefined;
  /** Parts whose digests the client knows already; their URLs come with the answer. */
  readonly parts: readonly WantedPart[];
}

export interface SignedUpload {
  readonly upload: DirectUpload;
  readonly urls: readonly PartUrl[];
}

export interface DirectUploadsOptions {
  readonly rows: DirectRows;
  readonly storages: Pick<CloudStorages, 'active' | 'byConfigId'>;
  readonly quotas: Pick<Quotas, 'assertRoom'>;
  readonly openUploads: OpenUploads;
  readonly maxFileSizeOf: (userId: number) => number | Promise<number>;
}

/** Files that go from their client straight into the bucket: this server signs URLs and keeps account. */
export class DirectUploads {
  constructor(private readonly options: DirectUploadsOptions) {}

  /**
   * Begins an upload. Its row is durable before anybody learns of a URL.
   * @throws RequestError `not_found` for a file to replace that is not there, `validation_failed`; FilesError
   *   `file_too_large`, `quota_exceeded`, `too_many_uploads`; CredentialsError; StorageError
   */
  async create(userId: number, wanted: NewUpload): Promise<SignedUpload> {
    const { rows, storages } = this.options;
    const { storage, configId } = await storages.active(userId);
    await this.assertWelcome(userId, wanted);
    const partBytes = planParts(wanted.sizeBytes, wanted.partBytes, storage);
    assertPartNumbers({ ...wanted, partBytes }, wanted.parts, '/parts');
    const objectKey = `f/${randomUUID()}/${randomUUID()}`;
    const { contentType } = wanted;
    const begun =
      partBytes === undefined ? undefined : await storage.multipart!.create(objectKey, { contentType });
    try {
      const upload = await rows.insert({
        ...wanted,
        id: randomUUID(),
        userId,
        configId,
        objectKey,
        partBytes,
        multipartId: begun?.uploadId,
        checksumBound: begun === undefined && isBinding(storage),
      });
      return { upload, urls: await signParts(upload, storage, firstParts(upload, wanted.parts)) };
    } catch (error) {
      // Without its row nobody would ever end it. If a row was written all the same, its upload expires.
      if (begun !== undefined) await abandon(storage, objectKey, begun.uploadId);
      throw error;
    }
  }

  /**
   * Signs URLs for these parts, anew for those that were signed before.
   * @throws RequestError `not_found`, `validation_failed`; FilesError `upload_gone`, `upload_locked`
   */
  async sign(userId: number, id: string, parts: readonly WantedPart[]): Promise<SignedUpload> {
    const known = await this.find(userId, id);
    assertPartNumbers(known, parts, '/part_numbers');
    const { storage } = await this.bucketOf(known);
    const upload = await this.options.rows.touch(userId, id, isBinding(storage));
    if (upload === undefined) throw await this.whyNot(userId, id);
    return { upload, urls: await signParts(upload, storage, parts) };
  }

  /** @throws RequestError `not_found` */
  async find(userId: number, id: string): Promise<DirectUpload> {
    const upload = await this.options.rows.find(userId, id);
    if (upload === undefined) throw notFound('upload');
    return upload;
  }

  /**
   * What has arrived, as the bucket tells it.
   * @throws RequestError `not_found`; FilesError `upload_gone` for one that has ended; StorageError
   */
  async parts(userId: number, id: string): Promise<readonly UploadedPart[]> {
    const upload = await this.find(userId, id);
    if (upload.state === 'aborted' || upload.state === 'completed') throw uploadEnded();
    return arrivedParts(upload, (await this.bucketOf(upload)).storage);
  }

  /**
   * Gives an upload up; what has arrived is removed, now or, when the bucket fails, later. Idempotent.
   * @throws RequestError `not_found`; FilesError `upload_gone` for one that is a file already, `upload_locked`
   */
  async abort(userId: number, id: string): Promise<void> {
    const { rows } = this.options;
    const lockId = randomUUID();
    const upload = await this.find(userId, id);
    if (upload.state === 'aborted') return;
    const fileId = upload.fileId ?? (await rows.fileOf(upload));
    if (fileId !== undefined) throw uploadEnded(`It is file ${fileId} already; delete that.`);
    const aborting = await rows.beginAborting(userId, id, lockId);
    if (aborting === undefined) throw await this.whyNot(userId, id);
    try {
      const { storage } = await this.bucketOf(aborting);
      await removeAll(aborting, storage);
      await rows.aborted(id, lockId);
    } catch {
      // It has expired now, and whoever ends expired uploads removes it.
      await rows.unlock(id, lockId).catch(() => undefined);
    }
  }

  /** Of an upload whose time is over. One that is a file all the same stays one. @throws CredentialsError, StorageError */
  async endWhenDue(userId: number, id: string): Promise<void> {
    const { rows } = this.options;
    const lockId = randomUUID();
    const upload = await rows.beginExpiring(userId, id, lockId);
    if (upload === undefined) return;
    const fileId = await rows.fileOf(upload);
    if (fileId === undefined) {
      await removeAll(upload, (await this.bucketOf(upload)).storage);
      await rows.aborted(id, lockId);
    } else await rows.completed(id, lockId, fileId);
  }

  private async assertWelcome(userId: number, { sizeBytes, replacesFileId }: NewUpload): Promise<void> {
    const { rows, quotas, openUploads } = this.options;
    const maxFileSize = await this.options.maxFileSizeOf(userId);
    if (sizeBytes > maxFileSize) throw fileTooLarge(maxFileSize);
    await quotas.assertRoom(userId, sizeBytes);
    await openUploads.assertRoom(userId);
    if (replacesFileId === undefined || (await rows.isReplaceable(userId, replacesFileId))) return;
    throw notFound('file');
  }

  private bucketOf({ userId, configId }: DirectUpload): Promise<OpenedConfig> {
    return this.options.storages.byConfigId(userId, configId);
  }

  private async whyNot(userId: number, id: string): Promise<Error> {
    const { state } = await this.find(userId, id);
    return state === 'completing' ? uploadBusy() : uploadEnded();
  }
}

function firstParts(upload: DirectUpload, told: readonly WantedPart[]): readonly WantedPart[] {
  if (told.length > 0) return told;
  const count = Math.min(partCountOf(upload), FIRST_URLS);
  return Array.from({ length: count }, (_, index) => ({ partNumber: index + 1 }));
}

function assertPartNumbers(
  upload: Pick<DirectUpload, 'sizeBytes' | 'partBytes'>,
  parts: readonly WantedPart[],
  pointer: string,
): void {
  const count = partCountOf(upload);
  const seen = new Set(parts.map(({ partNumber }) => partNumber));
  if (seen.size === parts.length && parts.every(({ partNumber }) => partNumber <= count)) return;
  const detail = `must name each part once, and this upload has ${count}`;
  throw validationFailed([{ pointer, detail, code: 'part_number' }]);
}

async function abandon(storage: ObjectStorage, objectKey: string, uploadId: string): Promise<void> {
  const signal = AbortSignal.timeout(CLEAN_UP_MS);
  await storage.multipart?.abort(objectKey, uploadId, { signal }).catch(() => undefined);
}

/** The parts, or the object, or both. */
async function removeAll({ objectKey, multipartId }: DirectUpload, storage: ObjectStorage): Promise<void> {
  if (multipartId !== undefined) await storage.multipart?.abort(objectKey, multipartId);
  await storage.delete(objectKey);
}
