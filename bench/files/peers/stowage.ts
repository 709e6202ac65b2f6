import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { newApiKey } from '../../../src/auth/api-key-format.ts';
import { Child, SERVER_CORE } from '../child.ts';
import { freePort } from '../free-port.ts';
import {
  DOWNLOAD_BYTES,
  LIST_LIMIT,
  LISTED_FILES,
  type Peer,
  SIGNED_FILES,
  type Surroundings,
} from './peer.ts';

const DATABASE = 'stowage';
const START_LIMIT_MS = 60_000;
const MAX_FILE_BYTES = 5 * 1024 ** 3;
const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));

const FILL = `
  INSERT INTO cloud_files (user_id, cloud_config_id, filename, file_size, cloud_url, provider, checksum, object_key,
                           content_type, etag, state)
  SELECT user_id, id, 'report-' || n || '.bin', 10240, 's3://' || bucket_name || '/seed/' || n || '/report.bin',
         provider, md5(n::text) || md5(n::text), 'seed/' || n || '/report.bin', 'application/octet-stream',
         md5(n::text), 'stored'
  FROM cloud_configs, generate_series(1, ${LISTED_FILES}) AS n WHERE is_active`;

/** Starts our built server on its own database, configured through its own API as a user would. */
export async function startStowage(surroundings: Surroundings): Promise<Peer> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing; run npm run build`);
  const { postgres, sinkPort, uploadPattern, own, profiled } = surroundings;
  const databaseUrl = await postgres.createDatabase(DATABASE);
  const dataDir = await mkdtemp(join(tmpdir(), 'stowage-bench-data-'));
  const adminKey = newApiKey('admin');
  const port = await freePort();
  const inspect = profiled ? ['--inspect=127.0.0.1:0'] : [];
  const child = new Child(SERVER_CORE, [process.execPath, ...inspect, MAIN], {
    env: { PATH: process.env.PATH, ...settings({ databaseUrl, dataDir, adminKey, port, sinkPort }) },
  });
  own({
    stop: async () => {
      await child.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  });
  const api = new Api(port, adminKey, child);
  await api.ready();
  await configure(api, sinkPort);
  const target = { port, headers: api.headers, path: '/api/v1/files', field: 'file' };
  const ids = await fill(databaseUrl, () => uploadPattern(target, DOWNLOAD_BYTES));
  return {
    name: 'stowage',
    pid: child.pid,
    port,
    database: DATABASE,
    headers: api.headers,
    uploadPath: target.path,
    uploadField: target.field,
    listPath: `/api/v1/files?limit=${LIST_LIMIT}`,
    signPaths: ids.signed.map((id) => `/api/cloud/download/${id}`),
    downloadPath: `/api/v1/files/${ids.downloaded}/content`,
    refusedBytes: MAX_FILE_BYTES + 1,
    inspectorUrl: /ws:\/\/\S+/.exec(child.lastOutput)?.[0],
  };
}

/** Everything is at its default but the limits that would refuse a client for being as fast as it can. */
function settings(options: {
  databaseUrl: string;
  dataDir: string;
  adminKey: string;
  port: number;
  sinkPort: number;
}): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: String(options.port),
    DATABASE_URL: options.databaseUrl,
    DATA_DIR: options.dataDir,
    STOWAGE_ADMIN_KEY: options.adminKey,
    ALLOWED_PRIVATE_ENDPOINTS: `127.0.0.1:${options.sinkPort}`,
    RATE_LIMIT_PER_KEY: '1000000000',
  };
}

async function configure(api: Api, sinkPort: number): Promise<void> {
  await api.put('/api/v1/settings/cloud-storage', {
    provider: 's3_compatible',
    bucket_name: 'stowage',
    access_key_id: 'bench',
    secret_access_key: 'bench-secret-bench-secret',
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${sinkPort}`,
    force_path_style: true,
  });
  await api.put('/api/v1/settings/sync', { max_file_size: MAX_FILE_BYTES });
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

/** Just enough of a client to set the server up. */
class Api {
  readonly headers: Readonly<Record<string, string>>;
  private readonly url: string;
  private readonly server: Child;

  constructor(port: number, key: string, server: Child) {
    this.url = `http://127.0.0.1:${port}`;
    this.headers = { Authorization: `Bearer ${key}` };
    this.server = server;
  }

  async ready(): Promise<void> {
    const limitMs = performance.now() + START_LIMIT_MS;
    for (;;) {
      const response = await fetch(`${this.url}/health/ready`).catch(() => undefined);
      if (response?.ok) return;
      if (this.server.ended || performance.now() > limitMs) {
        throw new Error(`the server does not become ready (${response?.status})\n${this.server.lastOutput}`);
      }
      await sleep(100);
    }
  }

  async put(path: string, body: object): Promise<void> {
    const headers = { ...this.headers, 'content-type': 'application/json' };
    const response = await fetch(this.url + path, { method: 'PUT', headers, body: JSON.stringify(body) });
    if (response.ok) return;
    const answer = `${response.status}: ${await response.text()}`;
    throw new Error(`PUT ${path} answered ${answer}\n${this.server.lastOutput}`);
  }
}
