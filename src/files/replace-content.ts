import type { DataSource, EntityManager } from 'typeorm';
import { isConnectionLoss } from '../database/connection-loss.js';
import { databaseUnavailable } from '../database/statements.js';
import { notFound } from '../errors/request-errors.js';
import { assertIfMatch, etagOf } from '../rest/etag.js';
import { CloudFile } from './cloud-file.entity.js';
import { contentTag } from './content-headers.js';
import { uploadInterrupted } from './file-errors.js';
import { newFile, SAVE_MANY, type SavedRow, shortEtag, valuesOfMany, wasGivenUp } from './file-rows.js';
import { FileVersion } from './file-version.entity.js';
import { TRIM_ONE } from './trim-versions.js';
import { DEFAULT_SYNC_SETTINGS } from '../sync-settings/sync-settings.js';
import type { FileOwner, StoredFile, WrittenFile } from './written-file.js';

/**
 * Gives files another content. The earlier one becomes a version; nothing is written over in the bucket, so a crash
 * leaves either the old content or the new one, each whole.
 */
export class ReplaceContent {
  constructor(private readonly database: DataSource) {}

  /**
   * Each content becomes a new version of the file that it names, or of the newest one of its folder and name; without
   * such a file it becomes a file. May be repeated: a file that has this content already stays as it is.
   * @throws RequestError `not_found` when the file is gone or another user's; `precondition_failed` when its content is
   *   another one than `ifMatch` says; `service_unavailable` when the connection was lost, and the change may have
   *   taken effect
   */
  async replace(
    owner: FileOwner,
    contents: readonly WrittenFile[],
    uploadedAt: string,
  ): Promise<StoredFile[]> {
    try {
      return await this.database.transaction(async (manager) => {
        await lockNames(manager, owner, contents);
        const stored: StoredFile[] = [];
        for (const content of contents) stored.push(await place(manager, owner, content, uploadedAt));
        return stored;
      });
    } catch (error) {
      if (wasGivenUp(error)) throw uploadInterrupted(error);
      throw isConnectionLoss(error) ? databaseUnavailable(error) : error;
    }
  }

  /** As `replace` with one content that does not go by its name, as part of the manager's transaction. */
  replaceIn(
    manager: EntityManager,
    owner: FileOwner,
    content: WrittenFile,
    uploadedAt: string,
  ): Promise<StoredFile> {
    return place(manager, owner, content, uploadedAt);
  }
}

/** Two that overwrite the same absent name must not both make a file. In one order, so that they cannot deadlock. */
async function lockNames(manager: EntityManager, { userId }: FileOwner, contents: readonly WrittenFile[]) {
  const overwriting = contents.filter(
    ({ overwrite, replacesFileId }) => overwrite && replacesFileId === undefined,
  );
  const names = [...new Set(overwriting.map(({ folder, filename }) => folder + filename))].sort();
  for (const name of names) await manager.query(LOCK_NAME, [`files.overwrite:${userId}:${name}`]);
}

const LOCK_NAME = `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`;

async function place(
  manager: EntityManager,
  owner: FileOwner,
  content: WrittenFile,
  uploadedAt: string,
): Promise<StoredFile> {
  const file = await fileToReplace(manager, owner, content);
  if (file !== null) return exchange(manager, file, owner, content, uploadedAt);
  const rows = await manager.query<SavedRow[]>(SAVE_MANY.text, valuesOfMany(owner, [content], uploadedAt));
  return newFile(owner, content, rows[0]!.id, uploadedAt);
}

async function fileToReplace(
  manager: EntityManager,
  { userId }: FileOwner,
  { replacesFileId, overwrite, folder, filename }: WrittenFile,
): Promise<CloudFile | null> {
  if (replacesFileId === undefined && !overwrite) return null;
  const query = manager
    .createQueryBuilder(CloudFile, 'file')
    .setLock('pessimistic_write')
    .where(`file.user_id = :userId AND file.state = 'stored'`, { userId });
  if (replacesFileId !== undefined) {
    const file = await query.andWhere('file.id = :id', { id: replacesFileId }).getOne();
    if (file === null) throw notFound('file');
    return file;
  }
  return query
    .andWhere('file.folder COLLATE "C" = :folder AND file.filename COLLATE "C" = :filename', {
      folder,
      filename,
    })
    .orderBy('file.id', 'DESC')
    .limit(1)
    .getOne();
}

async function exchange(
  manager: EntityManager,
  file: CloudFile,
  owner: FileOwner,
  content: WrittenFile,
  uploadedAt: string,
): Promise<StoredFile> {
  const isDone = await isKnown(manager, file, owner, content);
  if (!isDone) {
    assertIfMatch(content.ifMatch, etagOf(contentTag(file)));
    const { objectKey } = content;
    await manager.insert(FileVersion, versionOf(file));
    const pending = { cloudConfigId: owner.configId, objectKey, state: 'pending' } as const;
    const { affected } = await manager.delete(CloudFile, pending);
    // Given up meanwhile, and its object with it.
    if (content.pending && affected !== 1) throw uploadInterrupted();
    await manager.update(CloudFile, file.id, {
      ...contentOf(owner, content),
      version: file.version + 1,
      uploadedAt: new Date(uploadedAt),
    });
    if (!file.protected)
      await manager.query(TRIM_ONE, [file.id, owner.userId, DEFAULT_SYNC_SETTINGS.keepVersions]);
  }
  return {
    ...content,
    id: file.id,
    provider: owner.provider,
    filename: file.filename,
    folder: file.folder,
    tags: file.tags,
    protected: file.protected,
    localFileId: content.localFileId ?? file.localFileId ?? undefined,
    version: isDone ? file.version : file.version + 1,
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
export function versionOf(file: CloudFile): Partial<FileVersion> {
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
    etag: shortEtag(content.etag),
    missingSince: null,
    ...(content.localFileId !== undefined && { localFileId: content.localFileId }),
  };
}
