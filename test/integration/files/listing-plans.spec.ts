import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type FileFilters, fileListing, type FileSort } from '../../../src/files/file-listing.js';
import { FILE_SHAPE } from '../../../src/files/file-shapes.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

const FILES = 20_000;
/** Of somebody else, all newer. */
const NEWER_FILES = 6_000;
/** Of the table, which has about 1,300. */
const MOST_PAGES = 150;

const BUCKETS = `INSERT INTO cloud_configs (user_id, provider, encrypted_config, bucket_name)
  VALUES (1, 's3_compatible', '', 'one'), (2, 'azure_blob', '', 'two')`;

const ROWS = `INSERT INTO cloud_files (user_id, cloud_config_id, provider, object_key, filename, folder, file_size, cloud_url,
    content_type, uploaded_at)
  SELECT $1, $1, 's3_compatible', 'f/' || n || '/' || md5(n::text) || md5(n::text),
    CASE WHEN n % 4000 = 7 THEN 'zanzibar-' ELSE (ARRAY['report-', 'IMG_', 'main'])[1 + n % 3] END || n,
    'folder' || n % 50 || '/', hashint4(n)::bigint & 1048575, 's3://bucket/f/' || n,
    CASE WHEN n % 4000 = 7 THEN 'application/x-rare' ELSE 'image/png' END, timestamp '2025-01-01' + n * interval '1 minute'
  FROM generate_series(1, $2::integer) AS n`;

interface Explained {
  readonly Plan: Readonly<Record<'Shared Hit Blocks' | 'Shared Read Blocks', number>>;
}

describe('a page of many files', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(BUCKETS);
    const { rows: indexes } = await client.query<{ indexname: string; indexdef: string }>(
      `SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'cloud_files' AND indexname <> 'cloud_files_pkey'`,
    );
    // Made afterwards, which takes a tenth of the time.
    for (const { indexname } of indexes) await client.query(`DROP INDEX ${indexname}`);
    await client.query(ROWS, [1, FILES]);
    await client.query(ROWS, [2, NEWER_FILES]);
    for (const { indexdef } of indexes) await client.query(indexdef);
    await client.query('VACUUM ANALYZE cloud_files');
  });

  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  /** How many pages of table and indexes are looked at. */
  async function pagesOf(filters: FileFilters, sort: FileSort, order: 'asc' | 'desc'): Promise<number> {
    const { statement, values } = fileListing({ userId: 1, sort, order, limit: 50, ...filters }, FILE_SHAPE);
    const { rows } = await client.query<{ 'QUERY PLAN': [Explained] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${statement.text}`,
      [...values, '\u001f'],
    );
    const { Plan: plan } = rows[0]!['QUERY PLAN'][0];
    return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
  }

  it.each<[string, FileFilters, FileSort, 'asc' | 'desc']>([
    ['all newer files are others’', {}, 'id', 'desc'],
    ['a third of the names match', { filenameContains: 'REPORT' }, 'id', 'desc'],
    ['few names match, in the order of sizes', { filenameContains: 'zanzibar' }, 'file_size', 'desc'],
    ['few names begin so, in the order of sizes', { filenamePrefix: 'zanzibar' }, 'file_size', 'desc'],
    ['many names begin so, in the order of sizes', { filenamePrefix: 'IMG_' }, 'file_size', 'asc'],
    ['few have the type', { contentType: 'application/x-rare' }, 'file_size', 'desc'],
    ['no file is of such a kind', { contentType: 'video/*' }, 'filename', 'asc'],
    ['nothing is in such a store', { provider: 'azure_blob' }, 'id', 'desc'],
    ['few were uploaded then', { uploadedAfter: '2025-01-14T20:00:00Z' }, 'filename', 'asc'],
    ['few are so small', { maxSizeBytes: 200 }, 'folder', 'asc'],
  ])('reads few pages where %s', async (_, filters, sort, order) => {
    expect(await pagesOf(filters, sort, order)).toBeLessThan(MOST_PAGES);
  });
});
