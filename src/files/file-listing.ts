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
 * @returns also whether it looks for files by their values, and may read all of them
 * @param shape the columns of each row, and what names its statements
 */
export function fileListing(
  listing: FileListing,
  shape: { readonly name: string; readonly columns: readonly string[] },
): { readonly statement: Statement; readonly values: unknown[]; readonly isSearch: boolean } {
  const { sort, order, limit } = listing;
  const values: unknown[] = [listing.userId, limit];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const conditions = conditionsOf(listing, parameter);
  const orderBy = orderOf(sort, order);
  const isSearch = dependsOnValues(listing);
  const name = isSearch ? '' : `files_list_${shape.name}_${sort}_${order}${membersOf(listing)}`;
  const where = whereOf(conditions);
  const statement = gridStatement(
    name,
    shape.columns,
    values.length + 1,
    (columns) =>
      `SELECT ${columns} FROM cloud_files WHERE ${where} ORDER BY ${orderBy} LIMIT $2::integer + 1`,
  );
  return { statement, values, isSearch };
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

/** The nulls of `id`, which has none, are those of cloud_files_listing: the primary key must not serve here. */
function orderOf(sort: FileSort, order: SortOrder): string {
  if (sort === 'id') return order === 'asc' ? 'id ASC NULLS FIRST' : 'id DESC NULLS LAST';
  return [...SORT_COLUMNS[sort].split(', '), 'id'].map((column) => `${column} ${order}`).join(', ');
}

function whereOf(conditions: readonly string[]): string {
  return ["user_id = $1 AND state = 'stored'", ...conditions].join(' AND ');
}

/** What few files or most files may match: in the order of something else, the wrong guess reads them all. */
function dependsOnValues(filters: FileFilters): boolean {
  return FILTERS_BY_VALUE.some((name) => filters[name] !== undefined);
}

/** Which of the others are set. PostgreSQL cuts names at 63 characters. */
function membersOf({ protected: isProtected, missing, after }: FileListing): string {
  const letter = (value: boolean | undefined, letters: string): string =>
    value === undefined ? '' : letters.charAt(value ? 0 : 1);
  return `_${letter(isProtected, 'kK')}${letter(missing, 'mM')}${after === undefined ? '' : 'a'}`;
}

const FILTERS_BY_VALUE = [
  'filenamePrefix',
  'filenameContains',
  'provider',
  'uploadedAfter',
  'uploadedBefore',
  'folder',
  'tags',
  'minSizeBytes',
  'maxSizeBytes',
  'checksum',
  'contentType',
] as const;

type Parameter = (value: unknown) => string;

function conditionsOf(listing: FileListing, parameter: Parameter): string[] {
  const conditions = filterConditions(listing, parameter);
  const { after } = listing;
  if (after !== undefined) conditions.push(positionSql(listing, after, parameter));
  return conditions;
}

function filterConditions(filters: FileFilters, parameter: Parameter): string[] {
  return [...placeConditions(filters, parameter), ...contentConditions(filters, parameter)];
}

function placeConditions(filters: FileFilters, parameter: Parameter): string[] {
  const { filenamePrefix, filenameContains, folder, recursive, tags, missing } = filters;
  const conditions: string[] = [];
  if (filenamePrefix !== undefined) conditions.push(prefixSql(filenamePrefix, parameter));
  if (filenameContains !== undefined) {
    conditions.push(`lower(filename) LIKE lower(${parameter(`%${literally(filenameContains)}%`)})`);
  }
  if (folder !== undefined && !(recursive && folder === '')) {
    conditions.push(folderSql(folder, recursive === true, parameter));
  }
  // The index of tags leaves out the files without.
  if (tags !== undefined) conditions.push(`tags @> ${parameter(tags)}::text[] AND tags <> '{}'`);
  if (filters.protected !== undefined) conditions.push(filters.protected ? 'protected' : 'NOT protected');
  if (missing !== undefined) conditions.push(`missing_since IS ${missing ? 'NOT ' : ''}NULL`);
  return conditions;
}

function folderSql(folder: string, recursive: boolean, parameter: Parameter): string {
  if (!recursive) return `folder COLLATE "C" = ${parameter(folder)}`;
  const end = `${folder.slice(0, -1)}0`;
  return `folder COLLATE "C" >= ${parameter(folder)} AND folder COLLATE "C" < ${parameter(end)}`;
}

function contentConditions(filters: FileFilters, parameter: Parameter): string[] {
  const { provider, uploadedAfter, uploadedBefore, minSizeBytes, maxSizeBytes, checksum, contentType } =
    filters;
  const conditions: string[] = [];
  if (provider !== undefined) conditions.push(providerSql(parameter(provider)));
  if (uploadedAfter !== undefined) {
    conditions.push(`uploaded_at > ${parameter(uploadedAfter)}::timestamp`);
  }
  if (uploadedBefore !== undefined) {
    conditions.push(`uploaded_at < ${parameter(uploadedBefore)}::timestamp`);
  }
  if (minSizeBytes !== undefined) {
    conditions.push(`file_size >= ${parameter(minSizeBytes)}::bigint`);
  }
  if (maxSizeBytes !== undefined) {
    conditions.push(`file_size <= ${parameter(maxSizeBytes)}::bigint`);
  }
  if (checksum !== undefined) conditions.push(`checksum = ${parameter(checksum)}`);
  if (contentType !== undefined) conditions.push(contentTypeSql(contentType, parameter));
  return conditions;
}

/** No row is read for a kind of store that the user never had. */
function providerSql(given: string): string {
  return `provider = ${given} AND EXISTS (SELECT FROM cloud_configs WHERE user_id = $1 AND provider = ${given})`;
}

function contentTypeSql(contentType: string, parameter: Parameter): string {
  if (!contentType.endsWith('/*')) return `content_type COLLATE "C" = ${parameter(contentType)}`;
  // `0` follows the slash.
  const [from, end] = [contentType.slice(0, -1), `${contentType.slice(0, -2)}0`];
  return `content_type COLLATE "C" >= ${parameter(from)} AND content_type COLLATE "C" < ${parameter(end)}`;
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

/** Planned for its value, it is a range of the index; of a range itself the planner thinks that a hundredth may match. */
function prefixSql(prefix: string, parameter: Parameter): string {
  return `filename COLLATE "C" LIKE ${parameter(`${literally(prefix)}%`)}`;
}

/** As a part of a pattern of LIKE. */
function literally(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
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
