import { randomUUID } from 'node:crypto';
import type { CloudStorages } from '../../credentials/cloud-storages.service.js';
import { notFound, RequestError } from '../../errors/request-errors.js';
import { isStorageError } from '../../storage-providers/storage-errors.js';
import type { ObjectHead, ObjectStorage, UploadedPart } from '../../storage-providers/storage-provider.js';
import { FilesError, fileTooLarge, uploadBusy, uploadEnded, uploadIncomplete } from '../file-errors.js';
import { headIfThere } from '../head-if-there.js';
import type { FileRecords } from '../file-records.js';
import type { UploadTarget } from '../incoming-file.js';
import type { Quotas } from '../quotas.js';
import type { WrittenFile } from '../written-file.js';
import { type SeenPart, wholeParts } from './arrived-parts.js';
import type { DirectRows } from './direct-rows.js';
import type { DirectUpload } from './direct-upload.js';

export interface UploadCompletionOptions {
  readonly rows: DirectRows;
  readonly records: FileRecords;
  readonly storages: Pick<CloudStorages, 'byConfigId'>;
  readonly quotas: Pick<Quotas, 'assertRoom'>;
  readonly maxFileSizeOf: (userId: number) => number | Promise<number>;
}

/** An upload that this process is completing. */
interface Held {
  readonly upload: DirectUpload;
  readonly lockId: string;
}

/**
 * Makes files of what clients have put into the bucket. Each step may be repeated: whoever comes after a crash, the
 * client or the recovery, takes the upload to its end.
 */
export class UploadCompletion {
  constructor(private readonly options: UploadCompletionOptions) {}

  /**
   * @param seen what the client saw of its parts; compared with what is in the bucket
   * @returns the file's id, and whether it was made by this call
   * @throws RequestError `not_found`; FilesError `upload_incomplete`, `upload_locked`, `upload_gone`, `file_too_large`,
   *   `quota_exceeded`; StorageError
   */
  async complete(
    userId: number,
    id: string,
    seen: readonly SeenPart[],
  ): Promise<{ readonly fileId: number; readonly isNew: boolean }> {
    const { rows } = this.options;
    const lockId = randomUUID();
    const upload = await rows.beginCompleting(userId, id, lockId);
    if (upload !== undefined) return { fileId: await this.finish({ upload, lockId }, seen), isNew: true };
    const other = await rows.find(userId, id);
    if (other === undefined) throw notFound('upload');
    if (other.state === 'completed') return { fileId: other.fileId!, isNew: false };
    throw other.state === 'completing' ? uploadBusy() : uploadEnded();
  }

  /** Goes on with one completion that nobody ended. @returns its id; undefined when there is none after `afterId` */
  async finishOne(
    afterId: string,
    onFailure: (upload: string, error: unknown) => void,
  ): Promise<string | undefined> {
    const lockId = randomUUID();
    const upload = await this.options.rows.beginFinishing(lockId, afterId);
    if (upload === undefined) return undefined;
    await this.finish({ upload, lockId }, []).catch((error: unknown) => onFailure(upload.id, error));
    return upload.id;
  }

  private async finish({ upload, lockId }: Held, seen: readonly SeenPart[]): Promise<number> {
    const { rows } = this.options;
    try {
      const fileId = (await rows.fileOf(upload)) ?? (await this.store({ upload, lockId }, seen));
      if (!(await rows.completed(upload.id, lockId, fileId))) throw uploadBusy();
      return fileId;
    } catch (error) {
      // Its client may go on with what is certain not to be a file; of the rest the recovery finds out.
      const after = isDecided(error) ? rows.reopen(upload.id, lockId) : rows.unlock(upload.id, lockId);
      await after.catch(() => undefined);
      throw error instanceof NothingStored ? error.cause : error;
    }
  }

  private async store({ upload, lockId }: Held, seen: readonly SeenPart[]): Promise<number> {
    const { rows, records, storages, quotas } = this.options;
    const { userId, configId, sizeBytes } = upload;
    const maxFileSize = await this.options.maxFileSizeOf(userId);
    if (sizeBytes > maxFileSize) throw fileTooLarge(maxFileSize);
    await quotas.assertRoom(userId, sizeBytes);
    const { storage, provider } = await storages.byConfigId(userId, configId);
    const head = await wholeObject(upload, storage, seen);
    if (!(await rows.hold(upload.id, lockId))) throw uploadBusy();
    const target: UploadTarget = { userId, configId, provider, storage };
    const [stored] = await records.save(target, [writtenOf(target, upload, head)]);
    return stored!.id;
  }
}

/** A failure after which it is certain that no object was made of the parts. */
class NothingStored extends Error {}

function isDecided(error: unknown): boolean {
  if (error instanceof RequestError) return error.code !== 'service_unavailable';
  return error instanceof FilesError || error instanceof NothingStored;
}

/** The object as the bucket has it: of one PUT, or made of its parts. */
async function wholeObject(
  upload: DirectUpload,
  storage: ObjectStorage,
  seen: readonly SeenPart[],
): Promise<ObjectHead> {
  if (upload.multipartId !== undefined) await assemble(upload, storage, seen);
  const head = await headIfThere(storage, upload.objectKey);
  if (head === undefined) throw uploadIncomplete(['Its content has not arrived.']);
  if (head.sizeBytes === upload.sizeBytes) return head;
  // Not what was announced, and in the way of a URL that creates only.
  await storage.delete(upload.objectKey);
  throw uploadIncomplete([`What arrived has ${head.sizeBytes} bytes instead of ${upload.sizeBytes}.`]);
}

async function assemble(
  upload: DirectUpload,
  storage: ObjectStorage,
  seen: readonly SeenPart[],
): Promise<void> {
  const { objectKey, multipartId, contentType } = upload;
  const { multipart } = storage;
  const arrived = await arrivedParts(upload, storage);
  // An earlier attempt may have come so far: then the provider knows of no parts any more.
  if (arrived.length === 0 && (await headIfThere(storage, upload.objectKey)) !== undefined) return;
  const parts = wholeParts(upload, arrived, seen);
  try {
    const createOnly = storage.capabilities.createOnly;
    await multipart!.complete(objectKey, multipartId!, parts, { contentType, createOnly });
  } catch (error) {
    if (!isStorageError(error)) throw error;
    if ((await headIfThere(storage, upload.objectKey)) === undefined)
      throw new NothingStored('', { cause: error });
  }
}

/** Parts of one PUT: its object, or nothing. */
export async function arrivedParts(
  upload: DirectUpload,
  storage: ObjectStorage,
): Promise<readonly UploadedPart[]> {
  if (upload.multipartId === undefined) {
    const head = await headIfThere(storage, upload.objectKey);
    return head === undefined ? [] : [{ partNumber: 1, etag: head.etag, sizeBytes: head.sizeBytes }];
  }
  try {
    return (await storage.multipart?.listParts(upload.objectKey, upload.multipartId)) ?? [];
  } catch (error) {
    if (isStorageError(error, 'object_not_found')) return [];
    throw error;
  }
}

/** This server has not seen the bytes: a checksum is the provider's word where its URL bound it, else the client's. */
function writtenOf({ storage }: UploadTarget, upload: DirectUpload, head: ObjectHead): WrittenFile {
  const { objectKey, filename, folder, tags, contentType, checksum, checksumBound, replacesFileId } = upload;
  return {
    objectKey,
    filename,
    folder,
    tags,
    contentType,
    replacesFileId,
    cloudUrl: storage.urlOf(objectKey),
    etag: head.etag,
    sizeBytes: head.sizeBytes,
    checksum: checksum ?? null,
    checksumSource: checksum !== undefined && checksumBound ? 'provider' : 'client',
    crc32: null,
    pending: false,
    repeatable: true,
  };
}
