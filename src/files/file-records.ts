import { setTimeout } from 'node:timers/promises';
import type { Statements } from '../database/statements.js';
import { RequestError } from '../errors/request-errors.js';
import type { ProviderName } from '../storage-providers/storage-provider.js';
import type { ChecksumSource } from './cloud-file.entity.js';
import type { ReplaceContent } from './replace-content.js';
import type { FileOwner, StoredFile, WrittenFile } from './written-file.js';

const COLUMNS = `user_id, cloud_config_id, provider, uploaded_at,
  object_key, filename, file_size, cloud_url, checksum, crc32, content_type, etag,
  folder, local_file_id, checksum_source, tags`;

const INSERT_ONE = {
  name: 'files_insert',
  text: `INSERT INTO cloud_files (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
    RETURNING id`,
};

/** All or none; repeating it changes nothing, and it turns pending rows into stored ones. */
const SAVE_MANY = {
  name: 'files_save_many',
  text: `INSERT INTO cloud_files (${COLUMNS})
    SELECT $1, $2, $3, $4, file.object_key, file.filename, file.file_size, file.cloud_url, file.checksum, file.crc32,
        file.content_type, file.etag, file.folder, file.local_file_id, file.checksum_source,
        ARRAY(SELECT jsonb_array_elements_text(file.tags))
      FROM unnest($5::text[], $6::varchar[], $7::bigint[], $8::text[], $9::varchar[], $10::bigint[], $11::varchar[],
        $12::varchar[], $13::text[], $14::integer[], $15::varchar[], $16::jsonb[])
        AS file (object_key, filename, file_size, cloud_url, checksum, crc32, content_type, etag, folder,
          local_file_id, checksum_source, tags)
    ON CONFLICT (cloud_config_id, object_key) DO UPDATE SET
      state = 'stored', upload_id = NULL, file_size = excluded.file_size, checksum = excluded.checksum,
      crc32 = excluded.crc32, etag = excluded.etag, uploaded_at = excluded.uploaded_at, folder = excluded.folder,
      local_file_id = excluded.local_file_id, checksum_source = excluded.checksum_source, tags = excluded.tags
    RETURNING id, object_key`,
};

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

const OF_OPERATION = {
  name: 'files_of_operation',
  text: `SELECT id, provider, object_key, filename, file_size, cloud_url, checksum, crc32, content_type, etag, uploaded_at,
      folder, tags, local_file_id, checksum_source
    FROM cloud_files
    WHERE user_id = $1 AND state = 'stored' AND starts_with(object_key, 'f/' || $2 || '/') ORDER BY id`,
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
}

/** How often the outcome of a lost commit is asked for before the file is left to the sweep. */
const SAVE_ATTEMPTS = 3;
const SAVE_PAUSE_MS = 500;
const MAX_ETAG_CHARS = 255;

/** Writes rows of `cloud_files`. A method that returned has committed. */
export class FileRecords {
  constructor(
    private readonly statements: Statements,
    private readonly replacing: ReplaceContent,
    private readonly now: () => number,
  ) {}

  /**
   * Makes whole objects into files, all of them or none; an only one may become a new version of a file instead.
   * When the connection is lost while the row is being written, nobody knows whether it was. The statement is then
   * repeated in a form that may find its own row.
   */
  async save(owner: FileOwner, files: readonly WrittenFile[]): Promise<StoredFile[]> {
    const uploadedAt = new Date(this.now()).toISOString();
    const [first] = files;
    if (first?.replacesFileId !== undefined) return [await this.replace(owner, first, uploadedAt)];
    const ids = await this.saveRows(owner, files, uploadedAt);
    return files.map((file) => ({
      ...file,
      id: ids.get(file.objectKey) as number,
      provider: owner.provider,
      uploadedAt,
    }));
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

  /** The files that an operation stored, if it came so far: keys begin with the operation's id. */
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
      pending: false,
      uploadedAt: row.uploaded_at.toISOString(),
    }));
  }

  /** Repeated like a save: the second time finds its own content in place and changes nothing. */
  private async replace(owner: FileOwner, file: WrittenFile, uploadedAt: string): Promise<StoredFile> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.replacing.replace(owner, { ...file, etag: shortEtag(file.etag) ?? '' }, uploadedAt);
      } catch (error) {
        if (attempt >= SAVE_ATTEMPTS || !mayHaveTakenEffect(error)) throw error;
        await setTimeout(SAVE_PAUSE_MS);
      }
    }
  }

  private async saveRows(owner: FileOwner, files: readonly WrittenFile[], uploadedAt: string) {
    const [only] = files;
    if (files.length !== 1 || only === undefined || only.pending) {
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
    const values = [
      owner.userId,
      owner.configId,
      owner.provider,
      uploadedAt,
      file.objectKey,
      file.filename,
      file.sizeBytes,
      file.cloudUrl,
      file.checksum,
      file.crc32,
      file.contentType,
      shortEtag(file.etag),
      file.folder,
      file.localFileId ?? null,
      file.checksumSource,
      file.tags,
    ];
    const [row] = await this.statements.query<{ id: number }>(INSERT_ONE, values);
    return new Map([[file.objectKey, row?.id as number]]);
  }

  private async saveMany(
    owner: FileOwner,
    files: readonly WrittenFile[],
    uploadedAt: string,
    attempts: number,
  ): Promise<SavedIds> {
    const values = [
      owner.userId,
      owner.configId,
      owner.provider,
      uploadedAt,
      files.map((file) => file.objectKey),
      files.map((file) => file.filename),
      files.map((file) => file.sizeBytes),
      files.map((file) => file.cloudUrl),
      files.map((file) => file.checksum),
      files.map((file) => file.crc32),
      files.map((file) => file.contentType),
      files.map((file) => shortEtag(file.etag)),
      files.map((file) => file.folder),
      files.map((file) => file.localFileId ?? null),
      files.map((file) => file.checksumSource),
      files.map((file) => JSON.stringify(file.tags)),
    ];
    try {
      const rows = await this.statements.query<{ id: number; object_key: string }>(SAVE_MANY, values);
      return new Map(rows.map((row) => [row.object_key, row.id]));
    } catch (error) {
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

/** An entity tag is opaque and only kept for people; one that does not fit is of no use to them. */
function shortEtag(etag: string): string | null {
  return etag.length <= MAX_ETAG_CHARS ? etag : null;
}
