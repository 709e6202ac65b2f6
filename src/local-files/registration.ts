import { createHash } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { LOCAL_FILES_LOCK_CLASS } from '../database/advisory-locks.js';
import type { LocalFileOrigin } from './local-file-sync.entity.js';
import { LocalFilesError } from './local-files-error.js';

/** A file that is seen on this server's disk. */
export interface FoundFile {
  readonly path: string;
  readonly filename: string;
  readonly folder: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

export interface Registrant {
  readonly userId: number;
  readonly serverName: string;
  readonly origin: Exclude<LocalFileOrigin, 'host'>;
  readonly watchedFolderId?: string;
}

/** SHA-256, 64 hex digits; as the trigger computes it. */
export function pathHashOf(path: string): string {
  return createHash('sha256').update(path).digest('hex');
}

/**
 * Makes rows of `pixe_files` for files that have none yet; the trigger, and the statement for where there is none, add
 * what becomes of them.
 * @returns ids of the new ones
 * @throws LocalFilesError `local_file_refused` when the host application's table has rules of its own
 */
export async function registerFiles(
  database: DataSource,
  registrant: Registrant,
  files: readonly FoundFile[],
  alongWith: (manager: EntityManager, ids: readonly number[]) => Promise<void> = () => Promise.resolve(),
): Promise<number[]> {
  try {
    return await database.transaction(async (manager) => {
      // One at a time for a user: two at once would both find that there is no row.
      await manager.query('SELECT pg_advisory_xact_lock($1, $2)', [
        LOCAL_FILES_LOCK_CLASS,
        registrant.userId,
      ]);
      const ids = await insertRows(manager, registrant, files);
      await alongWith(manager, ids);
      return ids;
    });
  } catch (error) {
    throw refusalOf(error) ?? error;
  }
}

async function insertRows(
  manager: EntityManager,
  { userId, serverName, origin, watchedFolderId = undefined }: Registrant,
  files: readonly FoundFile[],
): Promise<number[]> {
  const columns = [
    files.map(({ path }) => path),
    files.map(({ path }) => pathHashOf(path)),
    files.map(({ filename }) => filename),
    files.map(({ sizeBytes }) => sizeBytes),
  ];
  const made = await manager.query<{ id: number; file_path: string }[]>(INSERT_FILES, [userId, ...columns]);
  if (made.length === 0) return [];
  const byPath = new Map(files.map((file) => [file.path, file]));
  const own = made.map(({ file_path: path }) => byPath.get(path)!);
  await manager.query(INSERT_SYNCS, [
    userId,
    serverName,
    origin,
    watchedFolderId ?? null,
    made.map(({ id }) => id),
    own.map(({ path }) => pathHashOf(path)),
    own.map(({ folder }) => folder),
    own.map(({ sizeBytes }) => sizeBytes),
    own.map(({ modifiedAt }) => modifiedAt.toISOString()),
  ]);
  return made.map(({ id }) => id);
}

const INSERT_FILES = `INSERT INTO pixe_files (user_id, filename, file_path, file_size)
  SELECT $1, found.filename, found.path, found.size_bytes
    FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS found (path, path_hash, filename, size_bytes)
    WHERE NOT EXISTS (SELECT FROM local_file_syncs s WHERE s.user_id = $1 AND s.path_hash = found.path_hash)
  RETURNING id, file_path`;

const INSERT_SYNCS = `INSERT INTO local_file_syncs AS known (local_file_id, user_id, server_name, origin,
      watched_folder_id, path_hash, folder, size_bytes, modified_at, next_attempt_at)
  SELECT made.id, $1, $2, $3, $4::uuid, made.path_hash, made.folder, made.size_bytes, made.modified_at,
      (SELECT now() FROM sync_settings s WHERE s.user_id = $1 AND s.sync_on_create)
    FROM unnest($5::integer[], $6::text[], $7::text[], $8::bigint[], $9::timestamptz[])
      AS made (id, path_hash, folder, size_bytes, modified_at)
  ON CONFLICT (local_file_id) DO UPDATE SET server_name = excluded.server_name, origin = excluded.origin,
    watched_folder_id = excluded.watched_folder_id, folder = excluded.folder, modified_at = excluded.modified_at`;

/** Integrity violations (class 23) can only come from rules that the table has besides the seed's columns. */
function refusalOf(error: unknown): LocalFilesError | undefined {
  const { code, table } = (error as { driverError?: { code?: string; table?: string } }).driverError ?? {};
  if (code?.startsWith('23') !== true || table !== 'pixe_files') return undefined;
  const detail =
    "The application's own table pixe_files does not take a row from here: it has rules that only the application knows. " +
    'Let the application register the file.';
  return new LocalFilesError('local_file_refused', detail, { cause: error });
}
