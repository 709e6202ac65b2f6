import type { FileOwner, StoredFile, WrittenFile } from './written-file.js';

const COLUMNS = `user_id, cloud_config_id, provider, uploaded_at,
  object_key, filename, file_size, cloud_url, checksum, crc32, content_type, etag,
  folder, local_file_id, checksum_source, tags`;

export const INSERT_ONE = {
  name: 'files_insert',
  text: `INSERT INTO cloud_files (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
    RETURNING id`,
};

/**
 * All or none; repeating it changes nothing, and it turns pending rows into stored ones. Of a pending row that was given
 * up meanwhile the object is gone, too: then there is no key or no state, and the whole statement fails.
 */
export const SAVE_MANY = {
  name: 'files_save_many',
  text: `INSERT INTO cloud_files (${COLUMNS})
    SELECT $1, $2, $3, $4,
        CASE WHEN NOT file.pending OR EXISTS (SELECT FROM cloud_files known
          WHERE known.cloud_config_id = $2 AND known.object_key = file.object_key AND known.state <> 'deleting')
          THEN file.object_key END,
        file.filename, file.file_size, file.cloud_url, file.checksum, file.crc32, file.content_type, file.etag,
        file.folder, file.local_file_id, file.checksum_source,
        ARRAY(SELECT jsonb_array_elements_text(file.tags))
      FROM unnest($5::text[], $6::varchar[], $7::bigint[], $8::text[], $9::varchar[], $10::bigint[], $11::varchar[],
        $12::varchar[], $13::text[], $14::integer[], $15::varchar[], $16::jsonb[], $17::boolean[])
        AS file (object_key, filename, file_size, cloud_url, checksum, crc32, content_type, etag, folder,
          local_file_id, checksum_source, tags, pending)
    ON CONFLICT (cloud_config_id, object_key) DO UPDATE SET
      state = CASE cloud_files.state WHEN 'deleting' THEN NULL WHEN 'trashed' THEN 'trashed' ELSE 'stored' END, upload_id = NULL,
      file_size = excluded.file_size, checksum = excluded.checksum,
      crc32 = excluded.crc32, etag = excluded.etag, uploaded_at = excluded.uploaded_at, folder = excluded.folder,
      local_file_id = excluded.local_file_id, checksum_source = excluded.checksum_source, tags = excluded.tags
    RETURNING id, object_key`,
};

/** What SAVE_MANY returns of each file. */
export interface SavedRow {
  readonly id: number;
  readonly object_key: string;
}

const MAX_ETAG_CHARS = 255;

export function valuesOfOne(owner: FileOwner, file: WrittenFile, uploadedAt: string): unknown[] {
  return [
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
}

export function valuesOfMany(owner: FileOwner, files: readonly WrittenFile[], uploadedAt: string): unknown[] {
  return [
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
    files.map((file) => file.pending),
  ];
}

/** Whether SAVE_MANY failed because a sweep gave up a pending row. */
export function wasGivenUp(error: unknown): boolean {
  const { code, column } = error as { code?: unknown; column?: unknown };
  return code === NOT_NULL_VIOLATION && (column === 'object_key' || column === 'state');
}

const NOT_NULL_VIOLATION = '23502';

export function newFile(owner: FileOwner, file: WrittenFile, id: number, uploadedAt: string): StoredFile {
  return { ...file, id, provider: owner.provider, version: 1, protected: false, uploadedAt };
}

/** An entity tag is opaque and only kept for people; one that does not fit is of no use to them. */
export function shortEtag(etag: string): string | null {
  return etag.length <= MAX_ETAG_CHARS ? etag : null;
}
