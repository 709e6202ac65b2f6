import pg from 'pg';

/** Files of the user with many, and of each of the others. */
export const MANY_FILES = 1_000_000;
export const FEW_FILES = 1_000;
const OTHER_USERS = 200;
const TRASHED_FILES = 50_000;
/** Of the one file that has many. */
const VERSIONS = 1_000;
/** Files with a name, tag, type or protection that hardly another one has. */
const RARE_EVERY = 50_000;

/**
 * File `n` of a user: everything follows from `n`, by `h` and `k`, each spread over 0 to 999,999. What lies side by side
 * in one order is scattered in every other, except that later files have later times, as with real uploads, and that
 * the largest files are videos. A tenth is below `camera/`.
 */
const FILE = `
  CASE
    WHEN n % ${RARE_EVERY} = 7 THEN 'zanzibar-' || n || '.pdf'
    WHEN h < 300000 THEN (ARRAY['report','Report','quarterly report','monthly-report'])[1 + n % 4] || '-' || n || '.pdf'
    WHEN h < 550000 THEN 'IMG_' || to_char(n, 'FM0000000') || '.jpg'
    WHEN h < 750000 THEN (ARRAY['index','main','service','model','view'])[1 + n % 5] || n % 4000 || '.ts'
    WHEN h < 900000 THEN 'invoice ' || md5(n::text) || '.xlsx'
    ELSE md5((n * 7)::text) || '.bin' END AS filename,
  CASE
    WHEN n % 10 = 3 THEN 'camera/' || 2020 + h % 6 || '/' || to_char(1 + h % 12, 'FM00') || '/'
    WHEN n % 10 = 4 THEN ''
    WHEN n % 10 < 3 THEN 'mail/' || h % 2000 || '/'
    ELSE 'projects/p' || h % 100 || '/' || (ARRAY['src','docs','data'])[1 + h % 3] || '/module' || h / 100 % 20 || '/'
    END AS folder,
  CASE WHEN n % ${RARE_EVERY} = 7 THEN 9000000000 + n ELSE floor(exp(18.0 * k / 1000000))::bigint END AS file_size,
  CASE WHEN n % ${RARE_EVERY} = 7 THEN 'application/x-rare' ELSE
    CASE WHEN k >= 850000 THEN 'video/mp4'
      ELSE (ARRAY['application/pdf','image/jpeg','image/png','text/plain','application/zip'])[1 + h % 5] END
    END AS content_type,
  CASE WHEN n % ${RARE_EVERY} = 7 THEN ARRAY['urgent'] WHEN h % 10 = 0 THEN ARRAY['finance','work']
    WHEN h % 10 = 1 THEN ARRAY['year' || h % 7] ELSE '{}' END AS tags,
  h % 100 = 50 AS protected,
  -- One content in twenty has been stored twice.
  md5((n - (CASE WHEN n % 20 = 0 THEN 1 ELSE 0 END))::text) || md5('x' || (n - (CASE WHEN n % 20 = 0 THEN 1 ELSE 0 END)))
    AS checksum,
  timestamp '2023-01-01' + n * interval '1000 days' / total AS uploaded_at`;

const COLUMNS = `user_id, cloud_config_id, provider, cloud_url, object_key, etag, crc32, state, trashed_at, trashed_by,
  filename, folder, file_size, content_type, tags, protected, checksum, uploaded_at`;

/** $1 of the first user, $2 of the last, $3 files of each, $4 in which state, $5 begins their keys. */
const FILES = `INSERT INTO cloud_files (${COLUMNS})
  SELECT user_id, config_id, 's3_compatible', 's3://' || bucket_name || '/' || object_key, object_key,
      md5(object_key), hashint4(n) & 2147483647, $4::text, trashed_at, CASE WHEN trashed_at IS NULL THEN NULL ELSE 'user' END,
      file.*
    FROM (
      SELECT config.user_id, config.id AS config_id, config.bucket_name, n, $3::integer AS total,
          (hashint4(n)::bigint & 2147483647) % 1000000 AS h,
          (hashint4(n + 2000000)::bigint & 2147483647) % 1000000 AS k,
          'f/' || md5($5 || n) || '/' || md5(n || $5) AS object_key,
          CASE $4::text WHEN 'trashed' THEN now() - n * interval '1 second' END AS trashed_at
        FROM cloud_configs config, generate_series(1, $3::integer) AS n
        WHERE config.is_active AND config.user_id BETWEEN $1 AND $2) made
    CROSS JOIN LATERAL (SELECT ${FILE}) file`;

const OTHERS = [
  `INSERT INTO users (name) SELECT 'user ' || n FROM generate_series(1, ${OTHER_USERS}) AS n`,
  `INSERT INTO cloud_configs (user_id, provider, encrypted_config, bucket_name, settings)
    SELECT u.id, c.provider, c.encrypted_config, c.bucket_name || '-' || u.id, c.settings
      FROM users u, cloud_configs c WHERE c.user_id = $1 AND c.is_active
        AND NOT EXISTS (SELECT FROM cloud_configs own WHERE own.user_id = u.id)`,
];

/** Of the newest file of $1, and one of each hundredth. */
const KEPT = `INSERT INTO file_versions (file_id, user_id, version, cloud_config_id, object_key, file_size, cloud_url, provider,
    checksum, checksum_source, content_type, uploaded_at)
  SELECT id, user_id, n, cloud_config_id, 'f/v/' || id || '/' || n, file_size, '', provider, checksum, checksum_source,
      content_type, uploaded_at - n * interval '1 minute'
    FROM (SELECT *, max(id) OVER () AS newest FROM cloud_files WHERE user_id = $1 AND state = 'stored') f,
      generate_series(1, ${VERSIONS}) AS n
    WHERE id = newest OR (n = 1 AND id % 100 = 0)`;
const PRESENT = `UPDATE cloud_files f SET version = kept.version + 1
  FROM (SELECT file_id, max(version) AS version FROM file_versions GROUP BY file_id) kept WHERE f.id = kept.file_id`;

/**
 * Makes the rows of one user with a million files, of the user of `fewUserId` and of 200 others with a thousand each.
 * The indexes are made afterwards, which takes a minute instead of ten.
 */
export async function fill(databaseUrl: string, manyUserId: number, fewUserId: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(`SET synchronous_commit = off`);
    await client.query(`SET maintenance_work_mem = '512MB'`);
    await client.query(OTHERS[0]!);
    await client.query(OTHERS[1]!, [fewUserId]);
    await withoutIndexes(client, async () => {
      await client.query(FILES, [manyUserId, manyUserId, MANY_FILES, 'stored', 'many']);
      await client.query(FILES, [manyUserId, manyUserId, TRASHED_FILES, 'trashed', 'trashed']);
      await client.query(FILES, [fewUserId, fewUserId + OTHER_USERS, FEW_FILES, 'stored', 'few']);
    });
    await client.query(KEPT, [manyUserId]);
    await client.query(PRESENT);
    await client.query('VACUUM ANALYZE');
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
}

async function withoutIndexes(client: pg.Client, insert: () => Promise<void>): Promise<void> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes
      WHERE tablename = 'cloud_files' AND indexname <> 'cloud_files_pkey'`,
  );
  for (const { name } of rows) await client.query(`DROP INDEX ${name}`);
  await insert();
  for (const { definition } of rows) await client.query(definition);
}
