import { isoTimestamp } from '../database/timestamps.js';
import type { ProviderName } from '../storage-providers/storage-provider.js';
import type { ChecksumSource } from './cloud-file.entity.js';
import { tagsOfArray } from './tags.js';
import type { StoredFile } from './written-file.js';
import type { CloudFileDto } from './cloud-api.dto.js';
import type { FileDto } from './files.dto.js';

/*
 * A file on the wire, twice: made of the texts of a row, and of what an upload knows. Both must have the same members.
 */

/** How one shape of answers is read. */
export interface FileShape<File> {
  /** Names the prepared statements. */
  readonly name: string;
  readonly columns: readonly string[];
  /** @param from where the texts of `columns` begin */
  readonly fileOf: (texts: readonly string[], from: number) => File;
}

/** Answers of /api/v1. */
export const FILE_SHAPE: FileShape<FileDto> = {
  name: 'v1',
  columns: [
    'id',
    'filename',
    'file_size',
    'content_type',
    'checksum',
    'provider',
    'cloud_url',
    'uploaded_at',
    'last_accessed',
    'local_file_id',
    'folder',
    'tags',
    'protected',
    'version',
    'checksum_source',
    'missing_since',
    'trashed_at',
  ],
  fileOf: (texts, from) => ({
    id: Number(texts[from]),
    filename: texts[from + 1]!,
    file_size: Number(texts[from + 2]),
    content_type: texts[from + 3]!,
    checksum: texts[from + 4] || null,
    provider: texts[from + 5] as ProviderName,
    cloud_url: texts[from + 6]!,
    uploaded_at: isoTimestamp(texts[from + 7]!)!,
    last_accessed: isoTimestamp(texts[from + 8]!),
    local_file_id: Number(texts[from + 9]) || null,
    folder: texts[from + 10]!,
    tags: tagsOfArray(texts[from + 11]!),
    protected: texts[from + 12] === 'true',
    version: Number(texts[from + 13]),
    checksum_source: texts[from + 14] as ChecksumSource,
    missing_since: zonedTimestamp(texts[from + 15]!),
    trashed_at: zonedTimestamp(texts[from + 16]!),
  }),
};

/** Answers of /api/cloud, with the implementation guide's names. */
export const CLOUD_FILE_SHAPE: FileShape<CloudFileDto> = {
  name: 'cloud',
  columns: [
    'id',
    'filename',
    'file_size',
    'cloud_url',
    'provider',
    'checksum',
    'content_type',
    'uploaded_at',
  ],
  fileOf: (texts, from) => ({
    id: texts[from]!,
    filename: texts[from + 1]!,
    size: Number(texts[from + 2]),
    cloudUrl: texts[from + 3]!,
    provider: texts[from + 4] as ProviderName,
    checksum: texts[from + 5] || null,
    contentType: texts[from + 6]!,
    uploadedAt: isoTimestamp(texts[from + 7]!)!,
  }),
};

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
    local_file_id: file.localFileId ?? null,
    folder: file.folder,
    tags: [...file.tags],
    protected: file.protected,
    version: file.version,
    checksum_source: file.checksumSource,
    missing_since: null,
    trashed_at: null,
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

/** Of a TIMESTAMPTZ as a session in UTC prints it. */
function zonedTimestamp(text: string): string | null {
  return text === '' ? null : isoTimestamp(text.replace(/\+00$/, ''));
}
