import { setTimeout } from 'node:timers/promises';
import type { Statements } from '../database/statements.js';
import { RequestError } from '../errors/request-errors.js';
import type { ProviderName } from '../storage-providers/storage-provider.js';
import type { ContentDigest } from './measured-content.js';

/** A file whose object is whole in the bucket. */
export interface WrittenFile extends ContentDigest {
  readonly objectKey: string;
  readonly filename: string;
  readonly contentType: string;
  readonly cloudUrl: string;
  readonly etag: string;
  /** Whether its row exists already, because it took many calls. */
  readonly pending: boolean;
}

/** A stored file as its answer needs it. */
export interface StoredFile extends WrittenFile {
  readonly id: number;
  readonly provider: ProviderName;
  /** ISO 8601 in UTC. */
  readonly uploadedAt: string;
}

/** Whose file it is, and the configuration that wrote it. */
export interface FileOwner {
  readonly userId: number;
  readonly configId: number;
  readonly provider: ProviderName;
}

const COLUMNS = `user_id, cloud_config_id, provider, uploaded_at,
  object_key, filename, file_size, cloud_url, checksum, crc32, content_type, etag`;

const INSERT_ONE = {
  name: 'files_insert',
  text: `INSERT INTO cloud_files (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    RETURNING id`,
};

/** All or none; repeating it changes nothing, and it turns pending rows into stored ones. */
const SAVE_MANY = {
  name: 'files_save_many',
  text: `INSERT INTO cloud_files (${COLUMNS})
    SELECT $1, $2, $3, $4, file.*
      FROM unnest($5::text[], $6::varchar[], $7::bigint[], $8::text[], $9::varchar[], $10::bigint[], $11::varchar[],
        $12::varchar[]) AS file
    ON CONFLICT (cloud_config_id, object_key) DO UPDATE SET
      state = 'stored', upload_id = NULL, file_size = excluded.file_size, checksum = excluded.checksum,
      crc32 = excluded.crc32, etag = excluded.etag, uploaded_at = excluded.uploaded_at
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
  text: `SELECT id, provider, object_key, filename, file_size, cloud_url, checksum, crc32, content_type, etag, uploaded_at
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
  readonly checksum: string;
  readonly crc32: string;
  readonly content_type: string;
  readonly etag: string | null;
  readonly uploaded_at: Date;
}

/** How often the outcome of a lost commit is asked for before the file is left to the sweep. */
const SAVE_ATTEMPTS = 3;
const SAVE_PAUSE_MS = 500;
const MAX_ETAG_CHARS = 255;

/** Writes rows of `cloud_files`. A method that returned has committed. */
export class FileRecords {
  constructor(
    private readonly statements: Statements,
    private readonly now: () => number,
  ) {}

  /**
   * Makes whole objects into files, all of them or none.
   * When the connection is lost while the row is being written, nobody knows whether it was. The statement is then
   * repeated in a form that may find its own row.
   */
  async save(owner: FileOwner, files: readonly WrittenFile[]): Promise<StoredFile[]> {
    const uploadedAt = new Date(this.now()).toISOString();
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
      crc32: Number(row.crc32),
      contentType: row.content_type,
      etag: row.etag ?? '',
      pending: false,
      uploadedAt: row.uploaded_at.toISOString(),
    }));
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
