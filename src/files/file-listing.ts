import type { Statement } from '../database/statements.js';
import { gridStatement } from './text-grid.js';

export const FILE_SORTS = ['id', 'filename', 'file_size', 'uploaded_at'] as const;
export type FileSort = (typeof FILE_SORTS)[number];
export type SortOrder = 'asc' | 'desc';

export interface FileFilters {
  /** Byte for byte, upper and lower case differ. */
  readonly filenamePrefix?: string;
  /** Upper and lower case are alike. */
  readonly filenameContains?: string;
  readonly provider?: string;
  /** ISO 8601 in UTC, exclusive. */
  readonly uploadedAfter?: string;
  /** ISO 8601 in UTC, exclusive. */
  readonly uploadedBefore?: string;
}

/** The last file of the page before: its id and the value it was sorted by. */
export interface FilePosition {
  readonly id: number;
  readonly value?: string | number;
}

export interface FileListing extends FileFilters {
  readonly userId: number;
  readonly sort: FileSort;
  readonly order: SortOrder;
  readonly limit: number;
  readonly after?: FilePosition;
}

/**
 * Names are compared byte by byte, so that a page goes on where the last one ended whatever the database's collation.
 */
const SORT_COLUMNS: Readonly<Record<FileSort, string>> = {
  id: 'id',
  filename: 'filename COLLATE "C"',
  file_size: 'file_size',
  uploaded_at: 'uploaded_at',
};

const VALUE_TYPES: Readonly<Record<FileSort, string>> = {
  id: 'integer',
  filename: 'text',
  file_size: 'bigint',
  uploaded_at: 'timestamp',
};

/**
 * The grid of one page and of one file more, which tells whether there is another. The statement's text depends on which members are set and never on their values, so that each
 * combination is prepared once under its name.
 * @param shape the columns of each row, and what names its statements
 */
export function fileListing(
  listing: FileListing,
  shape: { readonly name: string; readonly columns: readonly string[] },
): { readonly statement: Statement; readonly values: unknown[] } {
  const { sort, order, limit } = listing;
  const values: unknown[] = [listing.userId, limit];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const conditions = conditionsOf(listing, parameter);
  const column = SORT_COLUMNS[sort];
  const orderBy = sort === 'id' ? `${column} ${order}` : `${column} ${order}, id ${order}`;
  // PostgreSQL cuts names at 63 characters.
  const name = `files_list_${shape.name}_${sort}_${order}_${conditions.map(({ key }) => key).join('')}`;
  const where = ["user_id = $1 AND state = 'stored'", ...conditions.map(({ sql }) => sql)].join(' AND ');
  const statement = gridStatement(
    name,
    shape.columns,
    values.length + 1,
    (columns) =>
      `SELECT ${columns} FROM cloud_files WHERE ${where} ORDER BY ${orderBy} LIMIT $2::integer + 1`,
  );
  return { statement, values };
}

interface Condition {
  /** A letter for the statement's name. */
  readonly key: string;
  readonly sql: string;
}

function conditionsOf(listing: FileListing, parameter: (value: unknown) => string): Condition[] {
  const { filenamePrefix, filenameContains, provider, uploadedAfter, uploadedBefore, after } = listing;
  const conditions: Condition[] = [];
  if (filenamePrefix !== undefined) conditions.push(prefixCondition(filenamePrefix, parameter));
  if (filenameContains !== undefined) {
    const sql = `strpos(lower(filename), lower(${parameter(filenameContains)})) > 0`;
    conditions.push({ key: 'c', sql });
  }
  if (provider !== undefined) conditions.push({ key: 'v', sql: `provider = ${parameter(provider)}` });
  if (uploadedAfter !== undefined) {
    conditions.push({ key: 's', sql: `uploaded_at > ${parameter(uploadedAfter)}::timestamp` });
  }
  if (uploadedBefore !== undefined) {
    conditions.push({ key: 'u', sql: `uploaded_at < ${parameter(uploadedBefore)}::timestamp` });
  }
  if (after !== undefined) conditions.push({ key: 'a', sql: positionSql(listing, after, parameter) });
  return conditions;
}

function positionSql(
  { sort, order }: FileListing,
  { id, value }: FilePosition,
  parameter: (value: unknown) => string,
): string {
  const compare = order === 'asc' ? '>' : '<';
  if (sort === 'id') return `id ${compare} ${parameter(id)}`;
  const given = `${parameter(value)}::${VALUE_TYPES[sort]}`;
  return `(${SORT_COLUMNS[sort]}, id) ${compare} (${given}, ${parameter(id)}::integer)`;
}

/** As a range of the index, which a prepared LIKE with a parameter would not use. */
function prefixCondition(prefix: string, parameter: (value: unknown) => string): Condition {
  const from = `filename COLLATE "C" >= ${parameter(prefix)}`;
  const end = endOfPrefix(prefix);
  if (end === undefined) return { key: 'f', sql: from };
  return { key: 'p', sql: `${from} AND filename COLLATE "C" < ${parameter(end)}` };
}

/** The first text, in the order of code points, after all that begin with `prefix`. */
export function endOfPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) as number);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    const next = last === 0xd7ff ? 0xe000 : last + 1;
    return String.fromCodePoint(...points, next);
  }
  return undefined;
}
