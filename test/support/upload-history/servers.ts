import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { newApiKey } from '../../../src/auth/api-key-format.js';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/database/embedded/embedded-postgres.js';
import { readPidFile } from '../../../src/database/embedded/leftover-processes.js';
import { type BoundProcess, startBound } from '../bound-process.js';
import type { SeededRandom } from '../seeded-random.js';

const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));

/** Servers on one PostgreSQL, all of which may be killed at any time and come back. */
export class MortalServers {
  readonly adminKey = newApiKey('admin');
  private readonly masterKey = randomBytes(32).toString('hex');
  private readonly servers: { url: string | undefined; bound: BoundProcess | undefined }[] = [];
  private readonly starting = new Set<Promise<void>>();
  private isOver = false;

  private constructor(
    readonly folder: string,
    private readonly postgres: EmbeddedPostgres,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  static async start(count: number, env: Readonly<Record<string, string>>): Promise<MortalServers> {
    const folder = await mkdtemp(join(tmpdir(), 'stowage-mortal-'));
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'database'), log: () => undefined });
    const made = new MortalServers(folder, postgres, env);
    await mkdir(made.localFolder);
    // One after the other: the first migrates.
    for (let at = 0; at < count; at++) {
      made.servers.push({ url: undefined, bound: undefined });
      await made.revive(at);
    }
    return made;
  }

  /** Whose files the servers read themselves. */
  get localFolder(): string {
    return join(this.folder, 'local');
  }

  get databaseUrl(): string {
    return this.postgres.url;
  }

  /** URLs of those that answer, as far as is known. */
  get alive(): readonly string[] {
    return this.servers.map(({ url }) => url).filter((url) => url !== undefined);
  }

  /** SIGKILL to one that is up; it is started again at once. @returns whether there was one */
  async killServer(random: SeededRandom): Promise<boolean> {
    const up = this.servers.flatMap(({ url }, at) => (url === undefined ? [] : [at]));
    if (up.length === 0) return false;
    const at = random.pick(up);
    const server = this.servers[at]!;
    server.url = undefined;
    server.bound!.child.kill('SIGKILL');
    await server.bound!.ended;
    const revival = this.revive(at).finally(() => this.starting.delete(revival));
    this.starting.add(revival);
    return true;
  }

  /** SIGKILL to PostgreSQL; its keeper starts it again. */
  async killPostgres(): Promise<boolean> {
    const running = await readPidFile(join(this.folder, 'database/postgres/data'));
    if (running === undefined) return false;
    process.kill(running.pid, 'SIGKILL');
    return true;
  }

  async allUp(): Promise<void> {
    await Promise.all(this.starting);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.allUp();
    for (const { bound } of this.servers) {
      bound?.child.kill('SIGKILL');
      await bound?.ended;
    }
    await this.postgres.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Until it is up: without its database a server does not start. */
  private async revive(at: number): Promise<void> {
    const server = this.servers[at]!;
    for (let tries = 1; !this.isOver; tries++) {
      const bound = startBound(process.execPath, [MAIN], { environment: this.environment() });
      server.bound = bound;
      const url = await urlOf(bound);
      if (url === undefined && tries < 20) continue;
      if (url === undefined) throw new Error(`A server does not start: ${bound.output()}`);
      server.url = url;
      return;
    }
  }

  private environment(): Record<string, string> {
    return {
      HOST: '127.0.0.1',
      PORT: '0',
      DATABASE_URL: this.postgres.url,
      DATABASE_POOL_SIZE: '8',
      DATA_DIR: join(this.folder, 'data'),
      ENCRYPTION_KEY: this.masterKey,
      STOWAGE_ADMIN_KEY: this.adminKey,
      ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1',
      RATE_LIMIT_PER_KEY: '1000000',
      RATE_LIMIT_PER_ADDRESS: '1000000',
      EMBEDDED_AGENT: 'false',
      LOCAL_FILES_ROOTS: this.localFolder,
      ...this.env,
    };
  }
}

/** Undefined when it ended before it listened. */
function urlOf({ child, ended }: BoundProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    void ended.then(() => resolve(undefined));
    child.stderr?.resume();
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (line.includes('"msg":"listening"')) resolve((JSON.parse(line) as { url: string }).url);
    });
  });
}
