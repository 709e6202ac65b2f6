import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../../auth/audit-log.service.js';
import { notFound } from '../../errors/request-errors.js';
import { assertIfMatch } from '../../rest/etag.js';
import { CloudFile } from '../cloud-file.entity.js';
import { assertFilename } from '../filename.js';
import { cleanFolder } from '../folder-path.js';
import { cleanTags } from '../tags.js';
import { fileEtag } from './file-tag.js';

/** What is absent stays as it is. */
export interface FileChange {
  readonly filename?: string;
  readonly folder?: string;
  readonly tags?: readonly string[];
  readonly protected?: boolean;
}

/** Renames, moves, tags and protects files: rows change, no byte moves. */
@Injectable()
export class FileChanges {
  constructor(
    private readonly database: DataSource,
    private readonly audit: AuditLog,
  ) {}

  /**
   * @param ifMatch ETags of which the file's must be one
   * @throws RequestError `not_found`, `precondition_failed`; FilesError `invalid_filename`, `invalid_folder`,
   *   `invalid_tags`
   */
  async change(
    [userId, fileId]: readonly [number, number],
    change: FileChange,
    ifMatch: string | undefined,
    origin: AuditOrigin,
  ): Promise<void> {
    const cleaned = clean(change);
    await this.database.transaction(async (manager) => {
      const file = await manager.findOne(CloudFile, {
        where: { id: fileId, userId, state: 'stored' },
        lock: { mode: 'pessimistic_write' },
      });
      if (file === null) throw notFound('file');
      assertIfMatch(ifMatch, fileEtag(file));
      if (Object.keys(cleaned).length > 0) await manager.update(CloudFile, fileId, cleaned);
      if (cleaned.protected === undefined || cleaned.protected === file.protected) return;
      const action = cleaned.protected ? 'file.protected' : 'file.unprotected';
      await this.audit.record({ ...origin, action, subject: `file:${fileId}` }, manager);
    });
  }
}

function clean({ filename, folder, tags, protected: isProtected }: FileChange): Partial<CloudFile> {
  if (filename !== undefined) assertFilename(filename);
  return {
    ...(filename !== undefined && { filename }),
    ...(folder !== undefined && { folder: cleanFolder(folder) }),
    ...(tags !== undefined && { tags: cleanTags(tags) }),
    ...(isProtected !== undefined && { protected: isProtected }),
  };
}
