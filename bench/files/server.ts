import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { newApiKey } from '../../src/auth/api-key-format.ts';
import { Child, SERVER_CORE } from './child.ts';
import { freePort } from './free-port.ts';
import type { Surroundings } from './peers/peer.ts';

export const DATABASE = 'stowage';
export const MAX_FILE_BYTES = 5 * 1024 ** 3;
const START_LIMIT_MS = 60_000;
const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** Our built server, with a bucket in the sink. */
export interface StartedServer {
  readonly child: Child;
  readonly port: number;
  readonly databaseUrl: string;
  /** As the administrator, who has the bucket. */
  readonly api: Api;
}

/** Starts our built server on a database of its own, configured through its API as a user would. */
export async function startServer(
  { postgres, sinkPort, own, profiled }: Pick<Surroundings, 'postgres' | 'sinkPort' | 'own' | 'profiled'>,
  bucket = 'stowage',
): Promise<StartedServer> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing; run npm run build`);
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
  await configureBucket(api, sinkPort, bucket);
  return { child, port, databaseUrl, api };
}

/** Gives the caller a bucket in the sink. */
export async function configureBucket(api: Api, sinkPort: number, bucket: string): Promise<void> {
  await api.ask('PUT', '/api/v1/settings/cloud-storage', {
    provider: 's3_compatible',
    bucket_name: bucket,
    access_key_id: 'bench',
    secret_access_key: 'bench-secret-bench-secret',
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${sinkPort}`,
    force_path_style: true,
  });
  await api.ask('PUT', '/api/v1/settings/sync', { max_file_size: MAX_FILE_BYTES });
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

/** Just enough of a client to set the server up. */
export class Api {
  readonly headers: Readonly<Record<string, string>>;
  private readonly port: number;
  private readonly server: Child;

  constructor(port: number, key: string, server: Child) {
    this.port = port;
    this.headers = { Authorization: `Bearer ${key}` };
    this.server = server;
  }

  /** The same server, asked with another key. */
  as(key: string): Api {
    return new Api(this.port, key, this.server);
  }

  async ready(): Promise<void> {
    const limitMs = performance.now() + START_LIMIT_MS;
    for (;;) {
      const response = await fetch(this.url('/health/ready')).catch(() => undefined);
      if (response?.ok) return;
      if (this.server.ended || performance.now() > limitMs) {
        throw new Error(`the server does not become ready (${response?.status})\n${this.server.lastOutput}`);
      }
      await sleep(100);
    }
  }

  /** @throws Error with the answer when it is no success */
  async ask<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const headers = { ...this.headers, ...(body && { 'content-type': 'application/json' }) };
    const response = await fetch(this.url(path), { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as Answer;
    throw new Error(`${method} ${path} answered ${response.status}: ${text}\n${this.server.lastOutput}`);
  }

  private url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }
}
