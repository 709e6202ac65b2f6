/** What listings can be sorted by. */
export const FILE_SORTS = ['id', 'filename', 'folder', 'file_size', 'uploaded_at'] as const;
export type FileSort = (typeof FILE_SORTS)[number];

/** What the paths of one user's questions need to know. */
export interface AskedUser {
  /** The file in the middle of each order: a listing goes on behind it. */
  readonly middle: (sort: FileSort) => MiddleFile;
  /** The file with a thousand versions, or any. */
  readonly versionedId: number;
  /** The checksum of some file. */
  readonly checksum: string;
}

export interface MiddleFile {
  readonly id: number;
  readonly filename: string;
  readonly folder: string;
  readonly file_size: number;
  /** ISO 8601 with microseconds. */
  readonly uploaded_at: string;
}

/** A read that is measured. */
export interface Question {
  readonly name: string;
  readonly path: (user: AskedUser) => string;
  /** For 99 of 100, in milliseconds; none for what counts everything. */
  readonly goalMs: number | undefined;
}

const PAGE_GOAL_MS = 150;
const SEARCH_GOAL_MS = 300;
const ORDERS = ['asc', 'desc'] as const;

/** Every kind of read that the API of files has, in the order of the table. */
export const QUESTIONS: readonly Question[] = [
  page('first page', {}),
  page('first page of 1,000', { limit: 1000 }),
  ...FILE_SORTS.flatMap((sort) => ORDERS.map((order) => page(`by ${sort} ${order}`, { sort, order }))),
  ...FILE_SORTS.flatMap((sort) => ORDERS.map((order) => fromTheMiddle(sort, order))),
  search('name contains, 4 of 10 files', { filename_contains: 'report' }),
  search('name contains, few', { filename_contains: 'zanzibar' }),
  search('name contains, none', { filename_contains: 'nothing-like-this' }),
  search('name contains, 2 letters, many', { filename_contains: 'IM' }),
  worst('name contains, 2 letters, none', { filename_contains: '§§' }),
  search('name contains, frequent trigrams, none', { filename_contains: 'reportreport' }),
  search('name begins, many', { filename_prefix: 'IMG_' }),
  search('name begins, few', { filename_prefix: 'zanz' }),
  search('folder', { folder: 'projects/p7/docs/module3/' }),
  search('folder of 100,000', { folder: '' }),
  search('folder and below, 100,000', { folder: 'camera/', recursive: true }),
  search('folder and below, few', { folder: 'projects/p7/docs/', recursive: true }),
  search('folder, none', { folder: 'absent/' }),
  search('tag of many', { tags: 'work' }),
  search('tag of few', { tags: 'urgent' }),
  search('two tags', { tags: 'work,finance' }),
  search('tag, none', { tags: 'absent' }),
  search('size, many', { min_size: 1000, max_size: 100000 }),
  search('size, few', { min_size: 9000000000 }),
  search('uploaded, many', { uploaded_after: '2024-01-01', uploaded_before: '2025-01-01' }),
  search('uploaded, none', { uploaded_after: '2030-01-01' }),
  {
    name: 'checksum',
    path: (user) => listing({ checksum: user.checksum }),
    goalMs: SEARCH_GOAL_MS,
  },
  search('checksum, none', { checksum: 'f'.repeat(64) }),
  search('type of many', { content_type: 'image/*' }),
  search('type of few', { content_type: 'application/x-rare' }),
  search('type, none', { content_type: 'model/none' }),
  search('provider, none', { provider: 'azure_blob' }),
  search('protected', { protected: true }),
  search('missing, none', { missing: true }),
  search('common name by size', { filename_contains: 'report', sort: 'file_size' }),
  search('few names by size', { filename_contains: 'zanzibar', sort: 'file_size' }),
  search('common name by folder', { filename_contains: 'report', sort: 'folder', order: 'asc' }),
  search('few sizes by name', { min_size: 9000000000, sort: 'filename', order: 'asc' }),
  search('few sizes by id', { min_size: 9000000000, sort: 'id' }),
  search('few names begin, by size', { filename_prefix: 'zanz', sort: 'file_size' }),
  search('tag of few by name', { tags: 'urgent', sort: 'filename' }),
  search('tag of many by size', { tags: 'work', sort: 'file_size' }),
  search('type of few by size', { content_type: 'application/x-rare', sort: 'file_size' }),
  worst('large ones by size, the smallest first', {
    content_type: 'video/mp4',
    sort: 'file_size',
    order: 'asc',
  }),
  search('none uploaded, by size', { uploaded_after: '2030-01-01', sort: 'file_size' }),
  search('folder of 100,000 by size', { folder: '', sort: 'file_size' }),
  search('folder and below by time', { folder: 'camera/', recursive: true, sort: 'uploaded_at' }),
  search('protected and tag', { protected: true, tags: 'work', sort: 'filename' }),
  search('common name and type, none', { filename_contains: 'report', content_type: 'application/x-rare' }),
  search('common name and size, none', { filename_contains: 'report', min_size: 9000000000 }),
  fixed('subfolders of the top', '/api/v1/folders'),
  fixed('subfolders, 100', '/api/v1/folders?parent=projects/&limit=1000'),
  fixed('subfolders, 1,000 of 2,000', '/api/v1/folders?parent=mail/&limit=1000'),
  fixed('trash', '/api/v1/files/trash'),
  { name: 'versions', path: (user) => `/api/v1/files/${user.versionedId}/versions`, goalMs: PAGE_GOAL_MS },
  counting('summary', '/api/v1/files/summary'),
  counting('summary of a common name', '/api/v1/files/summary?filename_contains=report'),
  counting('retention, what would go', '/api/v1/retention/preview?retention_days=900'),
  counting('usage', '/api/v1/usage'),
];

type Query = Readonly<Record<string, string | number | boolean>>;

function page(name: string, query: Query): Question {
  return { name, path: () => listing(query), goalMs: PAGE_GOAL_MS };
}

function search(name: string, query: Query): Question {
  return { name, path: () => listing(query), goalMs: SEARCH_GOAL_MS };
}

/** Every file may have to be looked at: there is no goal, and an end, by the time limit of statements. */
function worst(name: string, query: Query): Question {
  return { name, path: () => listing(query), goalMs: undefined };
}

function fixed(name: string, path: string): Question {
  return { name, path: () => path, goalMs: PAGE_GOAL_MS };
}

function counting(name: string, path: string): Question {
  return { name, path: () => path, goalMs: undefined };
}

/** The page behind half of the files. */
function fromTheMiddle(sort: FileSort, order: (typeof ORDERS)[number]): Question {
  const path = (user: AskedUser): string =>
    listing({ sort, order, cursor: cursorOf(user.middle(sort), sort) });
  return { name: `middle, by ${sort} ${order}`, path, goalMs: PAGE_GOAL_MS };
}

/** As src/rest/cursor.ts makes it. */
function cursorOf(file: MiddleFile, sort: FileSort): string {
  const { id } = file;
  const value = sort !== 'id' && { value: file[sort] };
  const name = sort === 'folder' && { name: file.filename };
  return Buffer.from(JSON.stringify({ id, ...value, ...name })).toString('base64url');
}

function listing(query: Query): string {
  const parameters = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `/api/v1/files?${parameters.join('&')}`;
}
