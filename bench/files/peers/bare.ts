import pg from 'pg';
import { Child, SERVER_CORE } from '../child.ts';
import {
  DOWNLOAD_BYTES,
  LIST_LIMIT,
  LISTED_FILES,
  type Peer,
  SIGNED_FILES,
  type Surroundings,
} from './peer.ts';

const DATABASE = 'bare';

const SCHEMA = [
  `CREATE TABLE files (
    id SERIAL PRIMARY KEY,
    user_id INTEGER NOT NULL,
    filename VARCHAR(255) NOT NULL,
    file_size BIGINT NOT NULL,
    content_type VARCHAR(255) NOT NULL,
    provider VARCHAR(20) NOT NULL,
    checksum VARCHAR(64),
    uploaded_at TIMESTAMP NOT NULL DEFAULT now(),
    last_accessed TIMESTAMP,
    object_key TEXT NOT NULL UNIQUE,
    etag TEXT
  )`,
  'CREATE INDEX files_listing ON files (user_id, id)',
];

const FILL = `
  INSERT INTO files (user_id, filename, file_size, content_type, provider, checksum, object_key, etag)
  SELECT 1, 'report-' || n || '.bin', 10240, 'application/octet-stream', 's3_compatible',
         md5(n::text) || md5(n::text), 'seed/' || n || '/report.bin', md5(n::text)
  FROM generate_series(1, ${LISTED_FILES}) AS n`;

/** Starts the yardstick server with its table filled. */
export async function startBare({ postgres, sinkPort, uploadPattern, own }: Surroundings): Promise<Peer> {
  const url = await postgres.createDatabase(DATABASE);
  const env = { ...process.env, BENCH_DATABASE_URL: url, BENCH_SINK_PORT: String(sinkPort) };
  const child = Child.script(SERVER_CORE, './peers/bare-server.ts', env);
  own(child);
  const port = await child.ask<number>('listen');
  const target = { port, headers: {}, path: '/files', field: 'file' };
  const downloaded = await fill(url, () => uploadPattern(target, DOWNLOAD_BYTES));
  return {
    name: 'bare',
    pid: child.pid,
    port,
    database: DATABASE,
    headers: {},
    uploadPath: target.path,
    uploadField: target.field,
    listPath: `/files?limit=${LIST_LIMIT}`,
    signPaths: Array.from({ length: SIGNED_FILES }, (_, n) => `/files/${n * 97 + 1}/url`),
    downloadPath: `/files/${downloaded}/content`,
  };
}

/** Inserts the listed files, then uploads the one to download. Answers its id. */
async function fill(url: string, upload: () => Promise<void>): Promise<number | undefined> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of [...SCHEMA, FILL]) await client.query(statement);
    await upload();
    await client.query('VACUUM ANALYZE files');
    const { rows } = await client.query<{ id: number }>('SELECT max(id) AS id FROM files');
    return rows[0]?.id;
  } finally {
    await client.end();
  }
}
