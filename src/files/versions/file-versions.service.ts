import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../../auth/audit-log.service.js';
import { Clock } from '../../config/clock.js';
import { CloudStorages } from '../../credentials/cloud-storages.service.js';
import { Statements } from '../../database/statements.js';
import { notFound } from '../../errors/request-errors.js';
import { DEFAULT_SYNC_SETTINGS } from '../../sync-settings/sync-settings.js';
import { CloudFile } from '../cloud-file.entity.js';
import { DoomedObjects } from '../doomed-objects.js';
import { fileProtected, versionInUse } from '../file-errors.js';
import { FileVersion } from '../file-version.entity.js';
import { versionOf } from '../replace-content.js';
import { TRIM_ONE } from '../trim-versions.js';

const PAGE = {
  name: 'files_versions',
  text: `SELECT * FROM (
      SELECT version, file_size, content_type, checksum, checksum_source, provider,
          uploaded_at AT TIME ZONE 'UTC' AS uploaded_at, NULL::timestamptz AS superseded_at
        FROM cloud_files WHERE id = $1 AND user_id = $2 AND state = 'stored'
      UNION ALL SELECT version, file_size, content_type, checksum, checksum_source, provider, uploaded_at, superseded_at
        FROM file_versions WHERE file_id = $1 AND user_id = $2 AND state = 'kept') versions
    WHERE version < $3 ORDER BY version DESC LIMIT $4`,
};

/** One content of a file. */
export interface VersionRow {
  readonly version: number;
  readonly file_size: string;
  readonly content_type: string;
  readonly checksum: string | null;
  readonly checksum_source: FileVersion['checksumSource'];
  readonly provider: FileVersion['provider'];
  readonly uploaded_at: Date;
  /** Null for the present content. */
  readonly superseded_at: Date | null;
}

/** The contents that a file has had. Each has an object of its own, which no other row shares. */
@Injectable()
export class FileVersions {
  private readonly objects: DoomedObjects;

  constructor(
    private readonly database: DataSource,
    private readonly statements: Statements,
    private readonly storages: CloudStorages,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {
    this.objects = new DoomedObjects(statements, (userId, configId) => storages.byConfigId(userId, configId));
  }

  /** The newest first, beginning with the present content; of an absent file none. */
  list(userId: number, fileId: number, below: number, limit: number): Promise<VersionRow[]> {
    return this.statements.query<VersionRow>(PAGE, [fileId, userId, below, limit]);
  }

  /**
   * Makes an earlier content the present one, under a new number; the present one becomes a version. The objects stay
   * where they are: only their rows change places.
   * @throws RequestError `not_found`
   */
  async restore(userId: number, fileId: number, version: number, origin: AuditOrigin): Promise<void> {
    await this.database.transaction(async (manager) => {
      const file = await lockedFile(manager, userId, fileId);
      if (file.version === version) return;
      const earlier = await keptVersion(manager, fileId, version);
      await manager.delete(FileVersion, earlier.id);
      await manager.insert(FileVersion, versionOf(file));
      await manager.update(CloudFile, fileId, {
        ...contentOf(earlier),
        version: file.version + 1,
        uploadedAt: new Date(this.clock.now()),
        missingSince: null,
      });
      if (!file.protected)
        await manager.query(TRIM_ONE, [fileId, userId, DEFAULT_SYNC_SETTINGS.keepVersions]);
      const details = { version, became: file.version + 1 };
      const record = { action: 'file.version_restored', subject: `file:${fileId}`, details };
      await this.audit.record({ ...origin, ...record }, manager);
    });
  }

  /**
   * Gives an earlier content up. When it rejects with a StorageError, it is hidden already and its object will be
   * deleted later.
   * @throws RequestError `not_found`, FilesError `file_protected`, `version_in_use`, CredentialsError, StorageError
   */
  async delete(userId: number, fileId: number, version: number, origin: AuditOrigin): Promise<void> {
    const doomed = await this.database.transaction(async (manager) => {
      const file = await lockedFile(manager, userId, fileId);
      if (file.protected) throw fileProtected();
      if (file.version === version) throw versionInUse();
      const kept = await keptVersion(manager, fileId, version);
      // First, whether it can be done at all: without the bucket's credentials it stays listed.
      await this.storages.byConfigId(userId, kept.cloudConfigId);
      await manager.update(FileVersion, kept.id, { state: 'deleting' });
      const record = { action: 'file.version_deleted', subject: `file:${fileId}`, details: { version } };
      await this.audit.record({ ...origin, ...record }, manager);
      return kept;
    });
    const { id, cloudConfigId, objectKey } = doomed;
    const row = { id, user_id: userId, cloud_config_id: cloudConfigId, object_key: objectKey };
    await this.objects.removeVersion(row);
  }
}

async function lockedFile(manager: EntityManager, userId: number, id: number): Promise<CloudFile> {
  const where = { id, userId, state: 'stored' } as const;
  const file = await manager.findOne(CloudFile, { where, lock: { mode: 'pessimistic_write' } });
  if (file === null) throw notFound('file');
  return file;
}

async function keptVersion(manager: EntityManager, fileId: number, version: number): Promise<FileVersion> {
  const kept = await manager.findOneBy(FileVersion, { fileId, version, state: 'kept' });
  if (kept === null) throw notFound('version');
  return kept;
}

function contentOf(version: FileVersion): Partial<CloudFile> {
  const { cloudConfigId, provider, objectKey, fileSize, cloudUrl, checksum, checksumSource, crc32 } = version;
  const { contentType, etag } = version;
  const content = { cloudConfigId, provider, objectKey, fileSize, cloudUrl, checksum, checksumSource, crc32 };
  return { ...content, contentType, etag };
}
