import { notFound } from '../errors/request-errors.js';
import type { Statements } from '../database/statements.js';
import { decodeCursor, encodeCursor, type CursorField } from '../rest/cursor.js';
import { CLOUD_FILE_COLUMNS, FILE_COLUMNS } from './file-json.js';
import {
  type FileListing,
  fileListing,
  type FilePageRow,
  type FilePosition,
  type FileSort,
} from './file-listing.js';

/** A page as PostgreSQL wrote it: a JSON array, passed on as it is. */
export interface FilePage {
  readonly json: string;
  readonly nextCursor: string | undefined;
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
}

const ONE_JSON = {
  name: 'files_one_json',
  text: `SELECT row_to_json(file)::text AS json
    FROM (SELECT ${FILE_COLUMNS} FROM cloud_files WHERE id = $1 AND user_id = $2 AND state = 'stored') file`,
};

const ONE_RECORD = {
  name: 'files_one_record',
  text: `SELECT id, filename, file_size, content_type, checksum, crc32, object_key, cloud_config_id, uploaded_at
    FROM cloud_files WHERE id = $1 AND user_id = $2 AND state = 'stored'`,
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
}

/** Separates the elements of json_agg; inside of them a line break is always escaped. */
const JSON_AGG_SEPARATOR = ', \n ';

const CURSOR_FIELDS: Readonly<Record<FileSort, Readonly<Record<string, CursorField>>>> = {
  id: { id: 'integer' },
  filename: { id: 'integer', value: 'text' },
  file_size: { id: 'integer', value: 'bigint' },
  uploaded_at: { id: 'integer', value: 'timestamp' },
};

/** Reads of stored files, each one prepared statement. All see the caller's own files only. */
export class FileReads {
  constructor(private readonly statements: Statements) {}

  /** @throws RequestError `validation_failed` for a cursor of another listing */
  page(request: ListRequest): Promise<FilePage> {
    return this.list(request, { name: 'v1', columns: FILE_COLUMNS });
  }

  /** Like `page`, with the members of the implementation guide. */
  cloudPage(request: ListRequest & { readonly sort: 'id' }): Promise<FilePage> {
    return this.list(request, { name: 'cloud', columns: CLOUD_FILE_COLUMNS });
  }

  /** @throws RequestError `not_found` */
  async json(userId: number, fileId: number): Promise<string> {
    const [row] = await this.statements.query<{ json: string }>(ONE_JSON, [fileId, userId]);
    if (row === undefined) throw notFound('file');
    return row.json;
  }

  /** @throws RequestError `not_found` */
  async record(userId: number, fileId: number): Promise<FileRecord> {
    const [row] = await this.statements.query<RecordRow>(ONE_RECORD, [fileId, userId]);
    if (row === undefined) throw notFound('file');
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
    };
  }

  private async list(request: ListRequest, shape: { name: string; columns: string }): Promise<FilePage> {
    const { cursor, ...listing } = request;
    const after = cursor === undefined ? undefined : positionOf(cursor, listing.sort);
    const { statement, values } = fileListing({ ...listing, after }, shape);
    const [row] = await this.statements.query<FilePageRow & object>(statement, values);
    if (row?.data == null) return { json: '[]', nextCursor: undefined };
    if (row.count <= listing.limit) return { json: row.data, nextCursor: undefined };
    const json = `${row.data.slice(0, row.data.lastIndexOf(JSON_AGG_SEPARATOR))}]`;
    return { json, nextCursor: cursorOf(row, listing.sort) };
  }
}

function positionOf(cursor: string, sort: FileSort): FilePosition {
  return decodeCursor<FilePosition>(cursor, CURSOR_FIELDS[sort]);
}

function cursorOf(row: FilePageRow, sort: FileSort): string {
  const id = row.last_id as number;
  if (sort === 'id') return encodeCursor({ id });
  const value = row.last_value as string;
  return encodeCursor({ id, value: sort === 'file_size' ? Number(value) : value });
}
