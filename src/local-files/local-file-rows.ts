import type { DataSource } from 'typeorm';
import type { LocalFileState } from './local-file-sync.entity.js';

/** A local file and what became of it, as its user sees it. */
export interface LocalFileRow {
  readonly id: number;
  readonly path: string;
  readonly filename: string;
  readonly folder: string;
  readonly size_bytes: string;
  readonly modified_at: Date | null;
  readonly server_name: string | null;
  readonly watched_folder_id: string | null;
  readonly state: Exclude<LocalFileState, 'unregistered'>;
  readonly reason_code: string | null;
  readonly reason: string | null;
  readonly attempts: number;
  readonly next_attempt_at: Date | null;
  readonly bytes_done: string;
  readonly cloud_file_id: number | null;
  readonly checksum: string | null;
  readonly synced_at: Date | null;
  readonly created_at: Date;
}

export interface LocalFilesFilter {
  readonly state?: LocalFileRow['state'];
  readonly watchedFolderId?: string;
  /** The last that was shown. */
  readonly afterId?: number;
  readonly limit: number;
}

const COLUMNS = `s.local_file_id AS id, f.file_path AS path, f.filename, s.folder, s.size_bytes, s.modified_at,
  s.server_name, s.watched_folder_id, s.state, s.reason_code, s.reason, s.attempts, s.next_attempt_at, s.bytes_done,
  s.cloud_file_id, s.checksum, s.synced_at, s.created_at`;

const LIST = `SELECT ${COLUMNS} FROM local_file_syncs s JOIN pixe_files f ON f.id = s.local_file_id
  WHERE s.user_id = $1 AND s.state <> 'unregistered' AND s.local_file_id > $2
    AND ($3::text IS NULL OR s.state = $3) AND ($4::uuid IS NULL OR s.watched_folder_id = $4)
  ORDER BY s.local_file_id LIMIT $5`;

const ONE = `SELECT ${COLUMNS} FROM local_file_syncs s JOIN pixe_files f ON f.id = s.local_file_id
  WHERE s.user_id = $1 AND s.local_file_id = $2 AND s.state <> 'unregistered'`;

/** By id, the oldest first. */
export function listLocalFiles(
  database: DataSource,
  userId: number,
  { state, watchedFolderId, afterId = 0, limit }: LocalFilesFilter,
): Promise<LocalFileRow[]> {
  return database.query(LIST, [userId, afterId, state ?? null, watchedFolderId ?? null, limit]);
}

export async function oneLocalFile(
  database: DataSource,
  userId: number,
  id: number,
): Promise<LocalFileRow | undefined> {
  const [row] = await database.query<LocalFileRow[]>(ONE, [userId, id]);
  return row;
}
