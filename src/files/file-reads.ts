import { notFound } from '../errors/request-errors.js';
import type { Statements } from '../database/statements.js';
import { decodeCursor, encodeCursor, type CursorField } from '../rest/cursor.js';
import type { CloudFileDto } from './cloud-api.dto.js';
import { CLOUD_FILE_SHAPE, FILE_SHAPE, type FileShape } from './file-shapes.js';
import {
  type FileFilters,
  type FileListing,
  fileListing,
  fileSummary,
  type FilePosition,
  type FileSort,
} from './file-listing.js';
import type { FileDto } from './files.dto.js';
import type { Searches } from './searches.js';
import { gridStatement, readGrid } from './text-grid.js';

export interface FilePage<File> {
  readonly files: File[];
  readonly nextCursor: string | undefined;
}

export interface FileSummary {
  readonly fileCount: number;
  readonly totalBytes: number;
}

export type ListRequest = Omit<FileListing, 'after'> & { readonly cursor?: string };

/** What is needed to serve the content of a stored file. */
export interface FileRecord {
  readonly id: number;
  readonly filename: string;
  readonly sizeBytes: number;
  readonly contentType: string;
  /** SHA-256, 64 hex digits; only files that others entered have none. */
  readonly checksum: string | undefined;
  readonly crc32: number | undefined;
  readonly objectKey: string;
  readonly configId: number;
  readonly uploadedAt: Date;
  /** From 1; grows with each new content. */
  readonly version: number;
}

const ONE_FILE = gridStatement(
  'files_one',
  FILE_SHAPE.columns,
  3,
  (columns) => `SELECT ${columns} FROM cloud_files WHERE id = $1 AND user_id = $2 AND state = 'stored'`,
);

const TRASH_PAGE = (isFirst: boolean) =>
  gridStatement(
    isFirst ? 'files_trash' : 'files_trash_after',
    FILE_SHAPE.columns,
    isFirst ? 3 : 5,
    (columns) => `SELECT ${columns} FROM cloud_files WHERE user_id = $1 AND state = 'trashed'
      ${isFirst ? '' : 'AND (trashed_at, id) < ($3::timestamptz, $4::integer)'}
      ORDER BY trashed_at DESC, id DESC LIMIT $2::integer + 1`,
  );
const TRASH_FIRST = TRASH_PAGE(true);
const TRASH_AFTER = TRASH_PAGE(false);

const ONE_RECORD = {
  name: 'files_one_record',
  text: `SELECT id, filename, file_size, content_type, checksum, crc32, object_key, cloud_config_id, uploaded_at, version
    FROM cloud_files WHERE id = $1 AND user_id = $2 AND state = 'stored'`,
};

/** Of the present content or of a kept one; the name is the file's. */
const VERSION_RECORD = {
  name: 'files_version_record',
  text: `SELECT f.id, f.filename, v.file_size, v.content_type, v.checksum, v.crc32, v.object_key, v.cloud_config_id,
      v.uploaded_at, v.version
    FROM cloud_files f CROSS JOIN LATERAL (
      SELECT file_size, content_type, checksum, crc32, object_key, cloud_config_id, uploaded_at, f.version
        WHERE f.version = $3
      UNION ALL SELECT file_size, content_type, checksum, crc32, object_key, cloud_config_id,
          uploaded_at AT TIME ZONE 'UTC', version
        FROM file_versions WHERE file_id = f.id AND version = $3 AND state = 'kept') v
    WHERE f.id = $1 AND f.user_id = $2 AND f.state = 'stored'`,
};

interface RecordRow {
  readonly id: number;
  readonly filename: string;
  readonly file_size: string;
  readonly content_type: string;
  readonly checksum: string | null;
  readonly crc32: string | null;
  readonly object_key: string;
  readonly cloud_config_id: number;
  readonly uploaded_at: Date;
  readonly version: number;
}

const CURSOR_FIELDS: Readonly<Record<FileSort, Readonly<Record<string, CursorField>>>> = {
  id: { id: 'integer' },
  filename: { id: 'integer', value: 'text' },
  folder: { id: 'integer', value: 'text', name: 'text' },
  file_size: { id: 'integer', value: 'bigint' },
  uploaded_at: { id: 'integer', value: 'timestamp' },
};

const TRASH_CURSOR = { id: 'integer', value: 'timestamp' } as const;

/** Reads of stored files, each one prepared statement. All see the caller's own files only. */
export class FileReads {
  constructor(
    private readonly statements: Statements,
    private readonly searches: Searches,
  ) {}

  /** @throws RequestError `validation_failed` for a cursor of another listing; FilesError `too_many_searches` */
  page(request: ListRequest): Promise<FilePage<FileDto>> {
    return this.list(request, FILE_SHAPE);
  }

  /** Like `page`, with the members of the implementation guide. */
  cloudPage(request: ListRequest & { readonly sort: 'id' }): Promise<FilePage<CloudFileDto>> {
    return this.list(request, CLOUD_FILE_SHAPE);
  }

  /** Files in the trash, what was deleted last first. @throws RequestError `validation_failed` for a foreign cursor */
  async trashPage(userId: number, limit: number, cursor: string | undefined): Promise<FilePage<FileDto>> {
    const after =
      cursor === undefined ? undefined : decodeCursor<Omit<FilePosition, 'name'>>(cursor, TRASH_CURSOR);
    const columns = FILE_SHAPE.columns.length;
    const query =
      after === undefined
        ? { statement: TRASH_FIRST, values: [userId, limit] }
        : { statement: TRASH_AFTER, values: [userId, limit, after.value, after.id] };
    const { rowCount, texts } = await readGrid(this.statements, { ...query, columns });
    const shown = Math.min(rowCount, limit);
    const files = Array.from({ length: shown }, (_, row) => FILE_SHAPE.fileOf(texts, row * columns));
    const last = rowCount > limit ? files.at(-1) : undefined;
    return { files, nextCursor: last && encodeCursor({ id: last.id, value: last.trashed_at! }) };
  }

  /** How many files match, and how many bytes they have. @throws FilesError `too_many_searches` */
  async summary(userId: number, filters: FileFilters): Promise<FileSummary> {
    const { statement, values } = fileSummary(userId, filters);
    const [row] = await this.searches.run(userId, () =>
      this.statements.query<{ file_count: string; total_bytes: string }>(statement, values),
    );
    return { fileCount: Number(row!.file_count), totalBytes: Number(row!.total_bytes) };
  }

  /** @throws RequestError `not_found` */
  async one(userId: number, fileId: number): Promise<FileDto> {
    const columns = FILE_SHAPE.columns.length;
    const grid = await readGrid(this.statements, { statement: ONE_FILE, values: [fileId, userId], columns });
    if (grid.rowCount === 0) throw notFound('file');
    return FILE_SHAPE.fileOf(grid.texts, 0);
  }

  /** @throws RequestError `not_found` */
  async record(userId: number, fileId: number): Promise<FileRecord> {
    const [row] = await this.statements.query<RecordRow>(ONE_RECORD, [fileId, userId]);
    if (row === undefined) throw notFound('file');
    return recordOf(row);
  }

  /** The present content or an earlier one. @throws RequestError `not_found` */
  async versionRecord(userId: number, fileId: number, version: number): Promise<FileRecord> {
    const [row] = await this.statements.query<RecordRow>(VERSION_RECORD, [fileId, userId, version]);
    if (row === undefined) throw notFound('version');
    return recordOf(row);
  }

  private async list<File>(request: ListRequest, shape: FileShape<File>): Promise<FilePage<File>> {
    const { cursor, ...listing } = request;
    const after = cursor === undefined ? undefined : positionOf(cursor, listing.sort);
    const columns = shape.columns.length;
    const query = fileListing({ ...listing, after }, shape);
    const read = () => readGrid(this.statements, { ...query, columns });
    const { rowCount, texts } = query.isSearch ? await this.searches.run(listing.userId, read) : await read();
    const shown = Math.min(rowCount, listing.limit);
    const files = Array.from({ length: shown }, (_, row) => shape.fileOf(texts, row * columns));
    if (rowCount <= listing.limit) return { files, nextCursor: undefined };
    const last = (column: string) => texts[(shown - 1) * columns + shape.columns.indexOf(column)]!;
    return { files, nextCursor: cursorOf(last, listing.sort) };
  }
}

function recordOf(row: RecordRow): FileRecord {
  return {
    id: row.id,
    filename: row.filename,
    sizeBytes: Number(row.file_size),
    contentType: row.content_type,
    checksum: row.checksum ?? undefined,
    crc32: row.crc32 === null ? undefined : Number(row.crc32),
    objectKey: row.object_key,
    configId: row.cloud_config_id,
    uploadedAt: row.uploaded_at,
    version: row.version,
  };
}

function positionOf(cursor: string, sort: FileSort): FilePosition {
  return decodeCursor<FilePosition>(cursor, CURSOR_FIELDS[sort]);
}

/** @param last the texts of the last file shown, by column */
function cursorOf(last: (column: string) => string, sort: FileSort): string {
  const id = Number(last('id'));
  if (sort === 'id') return encodeCursor({ id });
  const value = last(sort);
  if (sort === 'folder') return encodeCursor({ id, value, name: last('filename') });
  if (sort === 'file_size') return encodeCursor({ id, value: Number(value) });
  return encodeCursor({ id, value: sort === 'uploaded_at' ? `${value.replace(' ', 'T')}Z` : value });
}
