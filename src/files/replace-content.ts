import type { DataSource, EntityManager } from 'typeorm';
import { isConnectionLoss } from '../database/connection-loss.js';
import { databaseUnavailable } from '../database/statements.js';
import { notFound } from '../errors/request-errors.js';
import { CloudFile } from './cloud-file.entity.js';
import type { FileOwner, StoredFile, WrittenFile } from './written-file.js';
import { FileVersion } from './file-version.entity.js';

/**
 * Gives a file another content. The earlier one becomes a version; nothing is written over in the bucket, so a crash
 * leaves either the old content or the new one, each whole.
 */
export class ReplaceContent {
  constructor(private readonly database: DataSource) {}

  /**
   * May be repeated: a file that has this content already stays as it is.
   * @throws RequestError `not_found` when the file is gone or another user's; `service_unavailable` when the connection
   *   was lost, and the change may have taken effect
   */
  async replace(owner: FileOwner, content: WrittenFile, uploadedAt: string): Promise<StoredFile> {
    try {
      return await this.database.transaction((manager) => exchange(manager, owner, content, uploadedAt));
    } catch (error) {
      throw isConnectionLoss(error) ? databaseUnavailable(error) : error;
    }
  }
}

async function exchange(
  manager: EntityManager,
  owner: FileOwner,
  content: WrittenFile,
  uploadedAt: string,
): Promise<StoredFile> {
  const file = await manager.findOne(CloudFile, {
    where: { id: content.replacesFileId, userId: owner.userId, state: 'stored' },
    lock: { mode: 'pessimistic_write' },
  });
  if (file === null) throw notFound('file');
  if (!(await isKnown(manager, file, owner, content))) {
    const { objectKey } = content;
    await manager.insert(FileVersion, versionOf(file));
    await manager.delete(CloudFile, { cloudConfigId: owner.configId, objectKey, state: 'pending' });
    await manager.update(CloudFile, file.id, {
      ...contentOf(owner, content),
      version: file.version + 1,
      uploadedAt: new Date(uploadedAt),
    });
  }
  return {
    ...content,
    id: file.id,
    provider: owner.provider,
    filename: file.filename,
    folder: file.folder,
    tags: file.tags,
    uploadedAt,
  };
}

/** Whether an earlier attempt has done it, however much has happened to the file since. */
async function isKnown(
  manager: EntityManager,
  file: CloudFile,
  { configId }: FileOwner,
  { objectKey }: WrittenFile,
): Promise<boolean> {
  if (file.objectKey === objectKey && file.cloudConfigId === configId) return true;
  return manager.existsBy(FileVersion, { cloudConfigId: configId, objectKey });
}

/** The file's present content, to be kept. */
function versionOf(file: CloudFile): Partial<FileVersion> {
  return {
    fileId: file.id,
    userId: file.userId,
    version: file.version,
    cloudConfigId: file.cloudConfigId,
    objectKey: file.objectKey,
    fileSize: file.fileSize,
    cloudUrl: file.cloudUrl,
    provider: file.provider,
    checksum: file.checksum,
    checksumSource: file.checksumSource,
    crc32: file.crc32,
    contentType: file.contentType,
    etag: file.etag,
    uploadedAt: file.uploadedAt,
  };
}

function contentOf(owner: FileOwner, content: WrittenFile): Partial<CloudFile> {
  return {
    cloudConfigId: owner.configId,
    provider: owner.provider,
    objectKey: content.objectKey,
    fileSize: content.sizeBytes,
    cloudUrl: content.cloudUrl,
    checksum: content.checksum,
    checksumSource: content.checksumSource,
    crc32: content.crc32,
    contentType: content.contentType,
    etag: content.etag === '' ? null : content.etag,
    missingSince: null,
    ...(content.localFileId !== undefined && { localFileId: content.localFileId }),
  };
}
