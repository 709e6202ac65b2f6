import type { DataSource, EntityManager } from 'typeorm';
import { notFound } from '../../errors/request-errors.js';
import { filesMissing, zipTooLarge } from '../file-errors.js';
import { endOfPrefix } from '../file-listing.js';
import type { ZipItem } from './zip-format.js';
import { uniqueNames, zipNameOfFile } from './zip-names.js';

/** Which files go into an archive: all in a folder and below it, or each of these. */
export type ZipSelection = { readonly folder: string } | { readonly ids: readonly number[] };

/** A file that goes into an archive, and where its content is. */
export interface ZippedFile extends ZipItem {
  readonly id: number;
  readonly objectKey: string;
  readonly configId: number;
}

/** The directory of an archive stands at its end, and until then in memory. */
const MAX_ZIP_FILES = 100_000;
/** The same for the names in it, in UTF-8. */
const MAX_NAMES_BYTES = 32 * 1024 * 1024;
const PAGE = 1_000;

interface Row {
  readonly id: number;
  readonly folder: string;
  readonly filename: string;
  readonly file_size: string;
  readonly crc32: string | null;
  readonly object_key: string;
  readonly cloud_config_id: number;
  readonly uploaded_at: Date;
  readonly is_missing: boolean;
}

const COLUMNS = `id, folder, filename, file_size, crc32, object_key, cloud_config_id, uploaded_at,
  missing_since IS NOT NULL AS is_missing`;
const ORDER = `folder COLLATE "C", filename COLLATE "C", id`;
/** In the order of its index, one page after the other. */
const BELOW = `SELECT ${COLUMNS} FROM cloud_files WHERE user_id = $1 AND state = 'stored'
    AND ($2::text IS NULL OR folder COLLATE "C" < $2)
    AND (${ORDER}) > ($3::text, $4::text, $5::integer)
  ORDER BY ${ORDER} LIMIT ${PAGE}`;
const OF_IDS = `SELECT ${COLUMNS} FROM cloud_files
  WHERE user_id = $1 AND state = 'stored' AND id = ANY ($2::integer[]) ORDER BY ${ORDER}`;

/**
 * The files of an archive as they are at one moment, whatever others do meanwhile; named relative to the folder, or to the
 * folder that all chosen files share.
 * @throws RequestError `not_found` for a folder without files, and when one of the chosen files is absent; FilesError
 *   `zip_too_large`, `files_missing`
 */
export async function selectFiles(
  database: DataSource,
  userId: number,
  selection: ZipSelection,
): Promise<ZippedFile[]> {
  const rows = await database.transaction('REPEATABLE READ', (manager) =>
    'folder' in selection
      ? rowsBelow(manager, userId, selection.folder)
      : rowsOf(manager, userId, selection.ids),
  );
  const missing = rows.filter(({ is_missing: isMissing }) => isMissing);
  if (missing.length > 0) throw filesMissing(missing.map(({ id }) => id));
  const top = 'folder' in selection ? selection.folder : sharedFolder(rows);
  const names = rows.map((row) => zipNameOfFile(row.folder.slice(top.length), row.filename));
  const unique = uniqueNames(names);
  return rows.map((row, at) => zippedFile(row, unique[at]!));
}

async function rowsBelow(manager: EntityManager, userId: number, folder: string): Promise<Row[]> {
  const end = folder === '' ? null : endOfPrefix(folder);
  const rows: Row[] = [];
  let namesBytes = 0;
  for (let after: [string, string, number] = [folder, '', 0]; ;) {
    const page = await manager.query<Row[]>(BELOW, [userId, end, ...after]);
    for (const row of page) namesBytes += Buffer.byteLength(row.folder) + Buffer.byteLength(row.filename);
    rows.push(...page);
    if (rows.length > MAX_ZIP_FILES || namesBytes > MAX_NAMES_BYTES) throw zipTooLarge(MAX_ZIP_FILES);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) break;
    after = [last.folder, last.filename, last.id];
  }
  if (rows.length === 0) throw notFound('folder');
  return rows;
}

async function rowsOf(manager: EntityManager, userId: number, ids: readonly number[]): Promise<Row[]> {
  const wanted = [...new Set(ids)];
  const rows = await manager.query<Row[]>(OF_IDS, [userId, wanted]);
  if (rows.length === wanted.length) return rows;
  const found = new Set(rows.map(({ id }) => id));
  throw notFound(`file as ${wanted.find((id) => !found.has(id))}`);
}

function sharedFolder(rows: readonly Row[]): string {
  let shared = rows[0]?.folder ?? '';
  for (const { folder } of rows) {
    while (!folder.startsWith(shared))
      shared = shared.slice(0, shared.lastIndexOf('/', shared.length - 2) + 1);
  }
  return shared;
}

function zippedFile(row: Row, name: string): ZippedFile {
  return {
    id: row.id,
    name,
    sizeBytes: Number(row.file_size),
    crc32: row.crc32 === null ? undefined : Number(row.crc32),
    modifiedAt: row.uploaded_at,
    objectKey: row.object_key,
    configId: row.cloud_config_id,
  };
}
