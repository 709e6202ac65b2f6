import { setTimeout } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import type { Statements } from '../database/statements.js';
import { RequestError } from '../errors/request-errors.js';
import type { ProviderName } from '../storage-providers/storage-provider.js';
import type { ChecksumSource } from './cloud-file.entity.js';
import { uploadInterrupted } from './file-errors.js';
import {
  INSERT_ONE,
  newFile,
  SAVE_MANY,
  type SavedRow,
  valuesOfMany,
  valuesOfOne,
  wasGivenUp,
} from './file-rows.js';
import type { ReplaceContent } from './replace-content.js';
import type { FileOwner, StoredFile, WrittenFile } from './written-file.js';

const INSERT_PENDING = {
  name: 'files_insert_pending',
  text: `INSERT INTO cloud_files (user_id, cloud_config_id, provider, uploaded_at, object_key, filename, file_size,
      cloud_url, content_type, upload_id, state)
    VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, 'pending')`,
};

const DELETE_PENDING = {
  name: 'files_delete_pending',
  text: `DELETE FROM cloud_files WHERE cloud_config_id = $1 AND object_key = $2 AND state = 'pending'`,
};

const OF_CONTENT = `provider, object_key, file_size, cloud_url, checksum, crc32, content_type, etag, uploaded_at,
  checksum_source, version`;

/** A range of the unique index of each configuration: `0` follows the slash. */
const OF_KEYS = `cloud_config_id IN (SELECT id FROM cloud_configs WHERE user_id = $1)
  AND object_key >= 'f/' || $2 || '/' AND object_key < 'f/' || $2 || '0'`;

/** Also contents that others have superseded since, and files that are in the trash by now. */
const OF_OPERATION = {
  name: 'files_of_operation',
  text: `WITH contents AS (
      SELECT id, ${OF_CONTENT} FROM cloud_files WHERE ${OF_KEYS} AND user_id = $1 AND state IN ('stored', 'trashed')
      UNION ALL
      SELECT file_id, ${OF_CONTENT} FROM file_versions WHERE ${OF_KEYS} AND state = 'kept'
    ) SELECT contents.*, file.filename, file.folder, file.tags, file.local_file_id, file.protected
    FROM contents JOIN cloud_files file USING (id) ORDER BY id`,
};

interface FileRow {
  readonly id: number;
  readonly provider: ProviderName;
  readonly object_key: string;
  readonly filename: string;
  readonly file_size: string;
  readonly cloud_url: string;
  readonly checksum: string | null;
  readonly crc32: string | null;
  readonly content_type: string;
  readonly etag: string | null;
  readonly uploaded_at: Date;
  readonly folder: string;
  readonly tags: string[];
  readonly local_file_id: number | null;
  readonly checksum_source: ChecksumSource;
  readonly version: number;
  readonly protected: boolean;
}

/** How often the outcome of a lost commit is asked for before the file is left to the sweep. */
const SAVE_ATTEMPTS = 3;
const SAVE_PAUSE_MS = 500;

/** Writes rows of `cloud_files`. A method that returned has committed. */
export class FileRecords {
  constructor(
    private readonly statements: Statements,
    private readonly replacing: ReplaceContent,
    private readonly now: () => number,
  ) {}

  /**
   * Makes whole objects into files, or into new versions of files, all of them or none; only one may name the file that
   * it replaces. When the connection is lost while the row is being written, nobody knows whether it was. The
   * statement is then repeated in a form that may find its own row.
   * @throws RequestError `not_found`, `precondition_failed` for a file that cannot be replaced
   */
  async save(owner: FileOwner, files: readonly WrittenFile[]): Promise<StoredFile[]> {
    const uploadedAt = new Date(this.now()).toISOString();
    if (files.some(({ replacesFileId, overwrite }) => replacesFileId !== undefined || overwrite)) {
      return this.replace(owner, files, uploadedAt);
    }
    const ids = await this.saveRows(owner, files, uploadedAt);
    return files.map((file) => newFile(owner, file, ids.get(file.objectKey)!, uploadedAt));
  }

  /**
   * Makes one whole object into a file, or into a new version of one, as part of the manager's transaction: it becomes a
   * file together with whatever else the transaction does, or not at all.
   * @throws RequestError `not_found` when the file that it should replace is gone
   */
  saveIn(manager: EntityManager, owner: FileOwner, file: WrittenFile): Promise<StoredFile> {
    return this.replacing.replaceIn(manager, owner, file, new Date(this.now()).toISOString());
  }

  /** Makes a multi-call upload known before its first part is sent, so that nothing of it can be forgotten. */
  async savePending(
    owner: FileOwner,
    file: Pick<WrittenFile, 'objectKey' | 'filename' | 'contentType' | 'cloudUrl'>,
    uploadId: string,
  ): Promise<void> {
    const at = new Date(this.now()).toISOString();
    const { objectKey, filename, contentType, cloudUrl } = file;
    const { userId, configId, provider } = owner;
    const values = [userId, configId, provider, at, objectKey, filename, cloudUrl, contentType, uploadId];
    await this.statements.query(INSERT_PENDING, values);
  }

  async forgetPending(owner: FileOwner, objectKey: string): Promise<void> {
    await this.statements.query(DELETE_PENDING, [owner.configId, objectKey]);
  }

  /** What an operation stored, if it came so far, whatever became of it since: keys begin with the operation's id. */
  async ofOperation(userId: number, operationId: string): Promise<StoredFile[]> {
    const rows = await this.statements.query<FileRow>(OF_OPERATION, [userId, operationId]);
    return rows.map((row) => ({
      id: row.id,
      provider: row.provider,
      objectKey: row.object_key,
      filename: row.filename,
      sizeBytes: Number(row.file_size),
      cloudUrl: row.cloud_url,
      checksum: row.checksum,
      crc32: row.crc32 === null ? null : Number(row.crc32),
      contentType: row.content_type,
      etag: row.etag ?? '',
      folder: row.folder,
      tags: row.tags,
      localFileId: row.local_file_id ?? undefined,
      checksumSource: row.checksum_source,
      version: row.version,
      protected: row.protected,
      pending: false,
      uploadedAt: row.uploaded_at.toISOString(),
    }));
  }

  /** Repeated like a save: the second time finds its own content in place and changes nothing. */
  private async replace(owner: FileOwner, files: readonly WrittenFile[], uploadedAt: string) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.replacing.replace(owner, files, uploadedAt);
      } catch (error) {
        if (attempt >= SAVE_ATTEMPTS || !mayHaveTakenEffect(error)) throw error;
        await setTimeout(SAVE_PAUSE_MS);
      }
    }
  }

  private async saveRows(owner: FileOwner, files: readonly WrittenFile[], uploadedAt: string) {
    const [only] = files;
    if (files.length !== 1 || only === undefined || only.pending || only.repeatable) {
      return this.saveMany(owner, files, uploadedAt, SAVE_ATTEMPTS);
    }
    try {
      return await this.insertOne(owner, only, uploadedAt);
    } catch (error) {
      if (!mayHaveTakenEffect(error)) throw error;
      return this.saveMany(owner, files, uploadedAt, SAVE_ATTEMPTS - 1);
    }
  }

  private async insertOne(owner: FileOwner, file: WrittenFile, uploadedAt: string): Promise<SavedIds> {
    const [row] = await this.statements.query<{ id: number }>(
      INSERT_ONE,
      valuesOfOne(owner, file, uploadedAt),
    );
    return new Map([[file.objectKey, row?.id as number]]);
  }

  private async saveMany(
    owner: FileOwner,
    files: readonly WrittenFile[],
    uploadedAt: string,
    attempts: number,
  ): Promise<SavedIds> {
    const values = valuesOfMany(owner, files, uploadedAt);
    try {
      const rows = await this.statements.query<SavedRow>(SAVE_MANY, values);
      return new Map(rows.map((row) => [row.object_key, row.id]));
    } catch (error) {
      if (wasGivenUp(error)) throw uploadInterrupted(error);
      if (attempts <= 1 || !mayHaveTakenEffect(error)) throw error;
      await setTimeout(SAVE_PAUSE_MS);
      return this.saveMany(owner, files, uploadedAt, attempts - 1);
    }
  }
}

/** Ids by object key. */
type SavedIds = ReadonlyMap<string, number>;

/**
 * Whether a failed statement may have been committed all the same: then the objects that it names must stay, because
 * rows may point to them. Objects without a row are found later.
 */
export function mayHaveTakenEffect(error: unknown): boolean {
  return error instanceof RequestError && error.code === 'service_unavailable';
}
