import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { newApiKey } from '../../src/auth/api-key-format.ts';
import { Child, SERVER_CORE } from '../files/child.ts';
import { freePort } from '../files/free-port.ts';
import { Postgres } from '../files/postgres.ts';
import { apiOf, type Ask } from './api.ts';
import { Provider } from './provider.ts';

export const DATABASE = 'stowage';
const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const START_LIMIT_MS = 60_000;

/** One server on a core of its own, its database and its provider on the other, a bucket configured by its API. */
export class Stage {
  readonly postgres: Postgres;
  readonly provider: Provider;
  readonly server: Child;
  readonly port: number;
  readonly folder: string;
  /** As the administrator. */
  readonly ask: Ask;
  readonly adminKey: string;

  private constructor(
    parts: Pick<Stage, 'postgres' | 'provider' | 'server' | 'port' | 'folder' | 'adminKey'>,
  ) {
    this.postgres = parts.postgres;
    this.provider = parts.provider;
    this.server = parts.server;
    this.port = parts.port;
    this.folder = parts.folder;
    this.adminKey = parts.adminKey;
    this.ask = apiOf(this.url, parts.adminKey);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  static async set(): Promise<Stage> {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing; run npm run build`);
    const folder = await mkdtemp(join(tmpdir(), 'stowage-bench-agents-'));
    const postgres = await Postgres.start();
    const provider = await Provider.start(join(folder, 'bucket'));
    const adminKey = newApiKey('admin');
    const port = await freePort();
    const databaseUrl = await postgres.createDatabase(DATABASE);
    const env = { PATH: process.env.PATH, ...settings({ databaseUrl, folder, adminKey, port, provider }) };
    const server = new Child(SERVER_CORE, [process.execPath, MAIN], { env });
    const stage = new Stage({ postgres, provider, server, port, folder, adminKey });
    try {
      await stage.ready();
      await stage.configure();
      return stage;
    } catch (error) {
      await stage.clear();
      throw error;
    }
  }

  async clear(): Promise<void> {
    await this.server.stop();
    await this.provider.stop();
    await this.postgres.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async ready(): Promise<void> {
    const limitMs = performance.now() + START_LIMIT_MS;
    for (;;) {
      const response = await fetch(`${this.url}/health/ready`).catch(() => undefined);
      if (response?.ok) return;
      if (this.server.ended || performance.now() > limitMs)
        throw new Error(`the server does not become ready\n${this.server.lastOutput}`);
      await sleep(100);
    }
  }

  private async configure(): Promise<void> {
    const { endpoint, region, bucket, accessKeyId, secretAccessKey } = this.provider.place;
    const settings = {
      provider: 's3_compatible',
      bucket_name: bucket,
      access_key_id: accessKeyId,
      secret_access_key: secretAccessKey,
      region,
      endpoint,
      force_path_style: true,
    };
    await this.ask('PUT', '/api/v1/settings/cloud-storage', settings);
    // It finds out what signed URLs of this bucket bind.
    await this.ask('POST', '/api/v1/settings/cloud-storage/test');
  }
}

/** Everything is at its default but the limits that would refuse one address for being 500 hosts. */
function settings(made: {
  databaseUrl: string;
  folder: string;
  adminKey: string;
  port: number;
  provider: Provider;
}): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: String(made.port),
    DATABASE_URL: made.databaseUrl,
    DATA_DIR: join(made.folder, 'data'),
    STOWAGE_ADMIN_KEY: made.adminKey,
    ALLOWED_PRIVATE_ENDPOINTS: new URL(made.provider.place.endpoint).host,
    RATE_LIMIT_PER_KEY: '1000000',
    RATE_LIMIT_PER_ADDRESS: '1000000',
    EMBEDDED_AGENT: 'false',
  };
}
