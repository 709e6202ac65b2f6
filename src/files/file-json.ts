import type { StoredFile } from './file-records.js';
import type { CloudFileDto } from './cloud-api.dto.js';
import type { FileDto } from './files.dto.js';

/*
 * A file on the wire, twice: made of a row by PostgreSQL, where its text passes through unparsed, and made of what an
 * upload knows. Both must have the same members.
 */

/** ISO 8601 in UTC, as JavaScript prints it, of a TIMESTAMP column; what we write has whole milliseconds. */
const utc = (column: string, name: string) =>
  `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "${name}"`;

/** Columns of /api/v1 answers. */
export const FILE_COLUMNS = `id, filename, file_size, content_type, checksum, provider, cloud_url,
  ${utc('uploaded_at', 'uploaded_at')}, ${utc('last_accessed', 'last_accessed')}, local_file_id`;

/** Columns of /api/cloud answers, with the implementation guide's names. */
export const CLOUD_FILE_COLUMNS = `id::text AS id, filename, file_size AS size, cloud_url AS "cloudUrl", provider,
  checksum, content_type AS "contentType", ${utc('uploaded_at', 'uploadedAt')}`;

export function toFile(file: StoredFile): FileDto {
  return {
    id: file.id,
    filename: file.filename,
    file_size: file.sizeBytes,
    content_type: file.contentType,
    checksum: file.checksum,
    provider: file.provider,
    cloud_url: file.cloudUrl,
    uploaded_at: file.uploadedAt,
    last_accessed: null,
    local_file_id: null,
  };
}

export function toCloudFile(file: StoredFile): CloudFileDto {
  return {
    id: String(file.id),
    filename: file.filename,
    size: file.sizeBytes,
    cloudUrl: file.cloudUrl,
    provider: file.provider,
    checksum: file.checksum,
    contentType: file.contentType,
    uploadedAt: file.uploadedAt,
  };
}
