import type { Statement, Statements } from '../../database/statements.js';
import type { UploadState } from '../upload.entity.js';
import * as sql from './direct-statements.js';
import type { UploadRow } from './direct-statements.js';
import { IDLE_HOURS, LOCK_SECONDS, LONGEST_HOURS } from './direct-limits.js';
import type { DirectUpload } from './direct-upload.js';

export type NewDirectUpload = Omit<DirectUpload, 'state' | 'fileId' | 'createdAt' | 'expiresAt'>;

export interface UploadPageRequest {
  readonly state: UploadState | undefined;
  readonly limit: number;
  readonly after: { readonly at: string; readonly id: string } | undefined;
}

/** Rows of `uploads` whose bytes do not come through this server. */
export class DirectRows {
  constructor(private readonly statements: Statements) {}

  async insert(upload: NewDirectUpload): Promise<DirectUpload> {
    const row = await this.one(sql.INSERT, [
      upload.id,
      upload.userId,
      upload.configId,
      upload.objectKey,
      upload.filename,
      upload.folder,
      upload.contentType,
      upload.tags,
      upload.sizeBytes,
      upload.partBytes ?? null,
      upload.checksum ?? null,
      upload.checksumBound,
      upload.md5 ?? null,
      upload.multipartId ?? null,
      upload.replacesFileId ?? null,
      IDLE_HOURS,
    ]);
    return row!;
  }

  find(userId: number, id: string): Promise<DirectUpload | undefined> {
    return this.one(sql.FIND, [id, userId]);
  }

  /** The newest first, one more than `limit` when there is another page; `position` is for its cursor. */
  async page(
    userId: number,
    { state, limit, after }: UploadPageRequest,
  ): Promise<{ readonly upload: DirectUpload; readonly position: string }[]> {
    const values = [userId, state ?? null, after?.at ?? null, after?.id ?? null, limit + 1];
    const rows = await this.statements.query<UploadRow & { readonly position: string }>(sql.PAGE, values);
    return rows.map((row) => ({ upload: uploadOf(row), position: row.position }));
  }

  /** @returns undefined when it is not open any more */
  touch(userId: number, id: string, isBinding: boolean): Promise<DirectUpload | undefined> {
    return this.one(sql.TOUCH, [id, userId, isBinding, IDLE_HOURS, LONGEST_HOURS]);
  }

  /** @returns undefined when it is neither open nor half completed, or when somebody else is at it */
  beginCompleting(userId: number, id: string, lockId: string): Promise<DirectUpload | undefined> {
    return this.one(sql.BEGIN_COMPLETING, [id, userId, lockId, LOCK_SECONDS, IDLE_HOURS]);
  }

  /** One whose completion nobody goes on with. @param afterId ids are taken in order */
  beginFinishing(lockId: string, afterId: string): Promise<DirectUpload | undefined> {
    return this.one(sql.BEGIN_FINISHING, [lockId, LOCK_SECONDS, afterId]);
  }

  /** From then on it can neither be completed nor go on. @returns undefined as `beginCompleting` */
  beginAborting(userId: number, id: string, lockId: string): Promise<DirectUpload | undefined> {
    return this.one(sql.BEGIN_ABORTING, [id, userId, lockId, LOCK_SECONDS]);
  }

  /** As `beginAborting`, of one whose time is over, or that was given up and could not be removed. */
  beginExpiring(userId: number, id: string, lockId: string): Promise<DirectUpload | undefined> {
    return this.one(sql.BEGIN_EXPIRING, [id, userId, lockId, LOCK_SECONDS]);
  }

  /** @returns whether the lock is still ours, and is so for its whole length from now on */
  hold(id: string, lockId: string): Promise<boolean> {
    return this.has(sql.HOLD, [id, lockId, LOCK_SECONDS]);
  }

  completed(id: string, lockId: string, fileId: number): Promise<boolean> {
    return this.has(sql.COMPLETED, [id, lockId, fileId]);
  }

  reopen(id: string, lockId: string): Promise<boolean> {
    return this.has(sql.REOPEN, [id, lockId]);
  }

  unlock(id: string, lockId: string): Promise<boolean> {
    return this.has(sql.UNLOCK, [id, lockId]);
  }

  aborted(id: string, lockId: string): Promise<boolean> {
    return this.has(sql.ABORTED, [id, lockId]);
  }

  /** The file that has, or had, this object as its content. */
  async fileOf({ configId, objectKey }: DirectUpload): Promise<number | undefined> {
    const [row] = await this.statements.query<{ id: number }>(sql.FILE_OF, [configId, objectKey]);
    return row?.id;
  }

  isReplaceable(userId: number, fileId: number): Promise<boolean> {
    return this.has(sql.REPLACEABLE, [fileId, userId]);
  }

  private async one(statement: Statement, values: readonly unknown[]): Promise<DirectUpload | undefined> {
    const [row] = await this.statements.query<UploadRow>(statement, values);
    return row && uploadOf(row);
  }

  private async has(statement: Statement, values: readonly unknown[]): Promise<boolean> {
    return (await this.statements.query(statement, values)).length > 0;
  }
}

function uploadOf(row: UploadRow): DirectUpload {
  return {
    id: row.id,
    userId: row.user_id,
    configId: row.cloud_config_id,
    state: row.state,
    objectKey: row.object_key,
    filename: row.filename,
    folder: row.folder,
    tags: row.tags,
    contentType: row.content_type,
    sizeBytes: Number(row.size_bytes),
    partBytes: row.part_bytes === null ? undefined : Number(row.part_bytes),
    checksum: row.checksum ?? undefined,
    checksumBound: row.checksum_bound,
    md5: row.md5 ?? undefined,
    multipartId: row.multipart_id ?? undefined,
    replacesFileId: row.replaces_file_id ?? undefined,
    fileId: row.file_id ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
