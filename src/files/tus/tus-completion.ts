import { isStorageError } from '../../storage-providers/storage-errors.js';
import type { ObjectHead, ObjectStorage } from '../../storage-providers/storage-provider.js';
import { fileDamaged } from '../file-errors.js';
import { headIfThere } from '../head-if-there.js';
import type { FileRecords } from '../file-records.js';
import type { UploadTarget } from '../incoming-file.js';
import type { WrittenFile } from '../written-file.js';
import type { TusRows } from './tus-rows.js';
import type { TusUpload } from './tus-upload.js';
import type { UploadLock } from './upload-lock.js';

export interface WholeUpload {
  readonly target: UploadTarget;
  /** In the state `completing`. */
  readonly upload: TusUpload;
  readonly lock: UploadLock;
}

/**
 * Makes a file of an upload whose bytes are all there. Each step may be repeated, so that whoever comes after a crash
 * (the client's next request, or the sweep) takes it to its end.
 */
export class TusCompletion {
  constructor(
    private readonly rows: TusRows,
    private readonly records: FileRecords,
    /** Hears of each stored file. */
    private readonly countBytes: (bytes: number) => void,
  ) {}

  /**
   * @returns the file's id
   * @throws FilesError `file_damaged` when the bucket holds something else; `upload_locked`; StorageError
   */
  async finish({ target, upload, lock }: WholeUpload): Promise<number> {
    const { configId, objectKey, id } = upload;
    const known = await this.rows.fileOf(configId, objectKey);
    const fileId = known ?? (await this.store(target, upload));
    lock.assertHeld(await this.rows.complete(id, lock.id, fileId));
    return fileId;
  }

  private async store(target: UploadTarget, upload: TusUpload): Promise<number> {
    await this.assemble(target.storage, upload);
    const head = await target.storage.head(upload.objectKey);
    if (head.sizeBytes !== upload.sizeBytes) throw fileDamaged();
    const [stored] = await this.records.save(target, [writtenOf(target, upload, head)]);
    this.countBytes(head.sizeBytes);
    return stored!.id;
  }

  /** An upload that an earlier attempt completed is unknown to the provider; then its object is there. */
  private async assemble(
    storage: ObjectStorage,
    { id, objectKey, multipartId, contentType }: TusUpload,
  ): Promise<void> {
    const { multipart } = storage;
    if (multipartId === undefined || multipart === undefined) return;
    const parts = await this.rows.parts(id);
    // Begun for a part that never came to be: one call has stored the whole.
    if (parts.length === 0) return multipart.abort(objectKey, multipartId);
    try {
      await multipart.complete(objectKey, multipartId, parts, { contentType });
    } catch (error) {
      if (!isStorageError(error) || (await headIfThere(storage, objectKey)) === undefined) throw error;
    }
  }
}

/** A SHA-256 that only the client knows is taken as its own word. */
function writtenOf({ storage }: UploadTarget, upload: TusUpload, head: ObjectHead): WrittenFile {
  const { objectKey, filename, folder, tags, contentType, computedChecksum, checksum, progress } = upload;
  return {
    objectKey,
    filename,
    folder,
    tags,
    contentType,
    cloudUrl: storage.urlOf(objectKey),
    etag: head.etag,
    sizeBytes: head.sizeBytes,
    checksum: computedChecksum ?? checksum ?? null,
    checksumSource: computedChecksum === undefined && checksum !== undefined ? 'client' : 'server',
    crc32: progress.crc32,
    pending: false,
    repeatable: true,
  };
}
