import type { Statement } from '../database/statements.js';
import { gridStatement } from './text-grid.js';

export const FILE_SORTS = ['id', 'filename', 'folder', 'file_size', 'uploaded_at'] as const;
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
  /** As cleanFolder gives it; files in it, or with `recursive` also below it. */
  readonly folder?: string;
  readonly recursive?: boolean;
  /** Files that have all of them. */
  readonly tags?: readonly string[];
  /** Inclusive. */
  readonly minSizeBytes?: number;
  /** Inclusive. */
  readonly maxSizeBytes?: number;
  /** SHA-256, 64 hex digits in lower case. */
  readonly checksum?: string;
  /** A media type, `image/png`, or all of a kind, `image/*`. */
  readonly contentType?: string;
  readonly protected?: boolean;
  /** Whether the object was not found in the bucket. */
  readonly missing?: boolean;
}

/** The last file of the page before: its id and the value it was sorted by. */
export interface FilePosition {
  readonly id: number;
  readonly value?: string | number;
  /** Its name, in a listing sorted by folders. */
  readonly name?: string;
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
  folder: 'folder COLLATE "C", filename COLLATE "C"',
  file_size: 'file_size',
  uploaded_at: 'uploaded_at',
};

const VALUE_TYPES: Readonly<Record<FileSort, string>> = {
  id: 'integer',
  filename: 'text',
  folder: 'text',
  file_size: 'bigint',
  uploaded_at: 'timestamp',
};

/**
 * The grid of one page and of one file more, which tells whether there is another. The statement's text depends on which
 * members are set and never on their values, so that each combination is prepared once under its name; but not where
 * few or most of the files may match, which need different plans.
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
  const sortedBy = sort === 'id' ? ['id'] : [...SORT_COLUMNS[sort].split(', '), 'id'];
  const orderBy = sortedBy.map((column) => `${column} ${order}`).join(', ');
  // PostgreSQL cuts names at 63 characters.
  const key = conditions.map((condition) => condition.key).join('');
  const name = dependsOnValues(listing) ? '' : `files_list_${shape.name}_${sort}_${order}_${key}`;
  const where = whereOf(conditions);
  const statement = gridStatement(
    name,
    shape.columns,
    values.length + 1,
    (columns) =>
      `SELECT ${columns} FROM cloud_files WHERE ${where} ORDER BY ${orderBy} LIMIT $2::integer + 1`,
  );
  return { statement, values };
}

/** How many files match, and how many bytes they have; not prepared, as it is asked for rarely. */
export function fileSummary(
  userId: number,
  filters: FileFilters,
): { readonly statement: Statement; readonly values: unknown[] } {
  const values: unknown[] = [userId];
  const where = whereOf(filterConditions(filters, (value) => `$${values.push(value)}`));
  const text = `SELECT count(*) AS file_count, coalesce(sum(file_size), 0) AS total_bytes FROM cloud_files WHERE ${where}`;
  return { statement: { name: '', text }, values };
}

function whereOf(conditions: readonly Condition[]): string {
  return ["user_id = $1 AND state = 'stored'", ...conditions.map(({ sql }) => sql)].join(' AND ');
}

/** What few files or most files may match. */
function dependsOnValues({ filenameContains, folder, tags, checksum, contentType }: FileFilters): boolean {
  return [filenameContains, folder, tags, checksum, contentType].some((value) => value !== undefined);
}

interface Condition {
  /** A letter for the statement's name. */
  readonly key: string;
  readonly sql: string;
}

type Parameter = (value: unknown) => string;

function conditionsOf(listing: FileListing, parameter: Parameter): Condition[] {
  const conditions = filterConditions(listing, parameter);
  const { after } = listing;
  if (after !== undefined) conditions.push({ key: 'a', sql: positionSql(listing, after, parameter) });
  return conditions;
}

function filterConditions(filters: FileFilters, parameter: Parameter): Condition[] {
  return [...placeConditions(filters, parameter), ...contentConditions(filters, parameter)];
}

function placeConditions(filters: FileFilters, parameter: Parameter): Condition[] {
  const { filenamePrefix, filenameContains, folder, recursive, tags, missing } = filters;
  const conditions: Condition[] = [];
  if (filenamePrefix !== undefined) conditions.push(prefixCondition(filenamePrefix, parameter));
  if (filenameContains !== undefined) {
    const pattern = `%${filenameContains.replace(/[\\%_]/g, '\\$&')}%`;
    conditions.push({ key: 'c', sql: `lower(filename) LIKE lower(${parameter(pattern)})` });
  }
  if (folder !== undefined && !(recursive && folder === '')) {
    conditions.push({ key: 'd', sql: folderSql(folder, recursive === true, parameter) });
  }
  // The index of tags leaves out the files without.
  if (tags !== undefined)
    conditions.push({ key: 't', sql: `tags @> ${parameter(tags)}::text[] AND tags <> '{}'` });
  if (filters.protected !== undefined) {
    conditions.push({
      key: filters.protected ? 'k' : 'K',
      sql: filters.protected ? 'protected' : 'NOT protected',
    });
  }
  if (missing !== undefined) {
    conditions.push({ key: missing ? 'm' : 'M', sql: `missing_since IS ${missing ? 'NOT ' : ''}NULL` });
  }
  return conditions;
}

function folderSql(folder: string, recursive: boolean, parameter: Parameter): string {
  if (!recursive) return `folder COLLATE "C" = ${parameter(folder)}`;
  const end = `${folder.slice(0, -1)}0`;
  return `folder COLLATE "C" >= ${parameter(folder)} AND folder COLLATE "C" < ${parameter(end)}`;
}

function contentConditions(filters: FileFilters, parameter: Parameter): Condition[] {
  const { provider, uploadedAfter, uploadedBefore, minSizeBytes, maxSizeBytes, checksum, contentType } =
    filters;
  const conditions: Condition[] = [];
  if (provider !== undefined) conditions.push({ key: 'v', sql: `provider = ${parameter(provider)}` });
  if (uploadedAfter !== undefined) {
    conditions.push({ key: 's', sql: `uploaded_at > ${parameter(uploadedAfter)}::timestamp` });
  }
  if (uploadedBefore !== undefined) {
    conditions.push({ key: 'u', sql: `uploaded_at < ${parameter(uploadedBefore)}::timestamp` });
  }
  if (minSizeBytes !== undefined) {
    conditions.push({ key: 'n', sql: `file_size >= ${parameter(minSizeBytes)}::bigint` });
  }
  if (maxSizeBytes !== undefined) {
    conditions.push({ key: 'x', sql: `file_size <= ${parameter(maxSizeBytes)}::bigint` });
  }
  if (checksum !== undefined) conditions.push({ key: 'h', sql: `checksum = ${parameter(checksum)}` });
  if (contentType !== undefined) conditions.push({ key: 'y', sql: contentTypeSql(contentType, parameter) });
  return conditions;
}

function contentTypeSql(contentType: string, parameter: Parameter): string {
  if (!contentType.endsWith('/*')) return `content_type = ${parameter(contentType)}`;
  return `starts_with(content_type, ${parameter(contentType.slice(0, -1))})`;
}

function positionSql(
  { sort, order }: FileListing,
  { id, value, name }: FilePosition,
  parameter: Parameter,
): string {
  const compare = order === 'asc' ? '>' : '<';
  if (sort === 'id') return `id ${compare} ${parameter(id)}`;
  const given = `${parameter(value)}::${VALUE_TYPES[sort]}`;
  const values = sort === 'folder' ? `${given}, ${parameter(name)}::text` : given;
  return `(${SORT_COLUMNS[sort]}, id) ${compare} (${values}, ${parameter(id)}::integer)`;
}

/** As a range of the index, which a prepared LIKE with a parameter would not use. */
function prefixCondition(prefix: string, parameter: Parameter): Condition {
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
