import type { LocalFileRow } from './local-file-rows.js';
import type { LocalFileDto } from './local-files.dto.js';

export function localFileJson(row: LocalFileRow): LocalFileDto {
  return {
    id: row.id,
    path: row.path,
    filename: row.filename,
    folder: row.folder,
    file_size: Number(row.size_bytes),
    modified_at: row.modified_at?.toISOString() ?? null,
    server_name: row.server_name,
    watched_folder_id: row.watched_folder_id,
    state: row.state,
    reason: row.reason_code === null ? null : { code: row.reason_code, detail: row.reason ?? '' },
    attempts: row.attempts,
    next_attempt_at: row.state === 'uploading' ? null : (row.next_attempt_at?.toISOString() ?? null),
    uploaded_bytes: Number(row.bytes_done),
    cloud_file_id: row.cloud_file_id,
    checksum: row.checksum,
    synced_at: row.synced_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  };
}
