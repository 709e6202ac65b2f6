import pg from 'pg';
import { DATABASE, MAX_FILE_BYTES, startServer } from '../server.ts';
import {
  DOWNLOAD_BYTES,
  LIST_LIMIT,
  LISTED_FILES,
  type Peer,
  SIGNED_FILES,
  type Surroundings,
} from './peer.ts';

const FILL = `
  INSERT INTO cloud_files (user_id, cloud_config_id, filename, file_size, cloud_url, provider, checksum, object_key,
                           content_type, etag, state)
  SELECT user_id, id, 'report-' || n || '.bin', 10240, 's3://' || bucket_name || '/seed/' || n || '/report.bin',
         provider, md5(n::text) || md5(n::text), 'seed/' || n || '/report.bin', 'application/octet-stream',
         md5(n::text), 'stored'
  FROM cloud_configs, generate_series(1, ${LISTED_FILES}) AS n WHERE is_active`;

/** Starts our server with its table filled. */
export async function startStowage(surroundings: Surroundings): Promise<Peer> {
  const { child, port, databaseUrl, api } = await startServer(surroundings);
  const target = { port, headers: api.headers, path: '/api/v1/files', field: 'file' };
  const ids = await fill(databaseUrl, () => surroundings.uploadPattern(target, DOWNLOAD_BYTES));
  return {
    name: 'stowage',
    pid: child.pid,
    port,
    database: DATABASE,
    headers: api.headers,
    uploadPath: target.path,
    uploadField: target.field,
    tusPath: '/api/v1/tus',
    listPath: `/api/v1/files?limit=${LIST_LIMIT}`,
    signPaths: ids.signed.map((id) => `/api/cloud/download/${id}`),
    downloadPath: `/api/v1/files/${ids.downloaded}/content`,
    refusedBytes: MAX_FILE_BYTES + 1,
    inspectorUrl: /ws:\/\/\S+/.exec(child.lastOutput)?.[0],
  };
}

/** Inserts the listed files, then uploads the one to download. */
async function fill(
  databaseUrl: string,
  upload: () => Promise<void>,
): Promise<{ signed: number[]; downloaded: number }> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(FILL);
    await upload();
    await client.query('VACUUM ANALYZE cloud_files');
    const { rows } = await client.query<{ id: number }>('SELECT id FROM cloud_files ORDER BY id');
    const ids = rows.map(({ id }) => id);
    const signed = ids.filter((_, index) => index % 97 === 0).slice(0, SIGNED_FILES);
    return { signed, downloaded: ids.at(-1) ?? 0 };
  } finally {
    await client.end();
  }
}
