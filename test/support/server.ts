import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { newApiKey } from '../../src/auth/api-key-format.js';
import { startBound, type BoundProcess } from './bound-process.js';
import { createTestDatabase, type TestDatabase } from './database.js';

export interface TestServerOptions {
  readonly env?: Readonly<Record<string, string>>;
}

/** The built server as a process of its own, with its own database, data folder, master key and admin key. */
export interface TestServer {
  readonly url: string;
  readonly adminKey: string;
  /** The administrator's user. */
  readonly userId: number;
  readonly dataDir: string;
  /** Its own on the PostgreSQL of this jest run, whatever DATABASE_URL the options say. */
  readonly databaseUrl: string;
  readonly pid: number;
  /** Everything that it has written, over all of its lives. */
  logs(): string;
  /** SIGTERM, waits for its end, then drops the database and the folder. */
  stop(): Promise<void>;
  /** SIGTERM: waits for its end; database and folder stay. */
  terminate(): Promise<void>;
  /** SIGKILL: database and folder stay. */
  kill(): Promise<void>;
  /** Starts it again on the same database and folder, on a new port; `url` and `pid` change. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = join(ROOT, 'dist/src/main.js');
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;

/** @throws Error when dist is missing or outdated, or with the server's last lines when it does not start */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  assertBuilt();
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'stowage-test-server-'));
  const server = new RunningServer(database, dataDir, newApiKey('admin'), options.env ?? {});
  await server.restart().catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  return server;
}

class RunningServer implements TestServer {
  url = '';
  userId = 0;
  private process: BoundProcess | undefined;
  private readonly lines: string[] = [];
  private readonly masterKey = randomBytes(32).toString('hex');

  constructor(
    private readonly database: TestDatabase,
    readonly dataDir: string,
    readonly adminKey: string,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  get pid(): number {
    return this.process?.child.pid ?? 0;
  }

  get databaseUrl(): string {
    return this.database.url;
  }

  logs(): string {
    return this.lines.join('\n');
  }

  async restart(env: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.terminate();
    this.process = startBound(process.execPath, [MAIN], {
      environment: {
        HOST: '127.0.0.1',
        PORT: '0',
        DATABASE_URL: this.database.url,
        DATABASE_POOL_SIZE: '8',
        DATA_DIR: this.dataDir,
        ENCRYPTION_KEY: this.masterKey,
        STOWAGE_ADMIN_KEY: this.adminKey,
        EMBEDDED_AGENT: 'false',
        ...this.env,
        ...env,
      },
    });
    this.url = await this.listening(this.process);
    const adminKey = { ...this.env, ...env }.STOWAGE_ADMIN_KEY ?? this.adminKey;
    // Empty means none: a server on which nobody was set up.
    if (adminKey !== '') this.userId = await this.userOf(adminKey);
  }

  async terminate(): Promise<void> {
    await this.process?.stop(STOP_TIMEOUT_MS);
  }

  async kill(): Promise<void> {
    this.process?.child.kill('SIGKILL');
    await this.process?.ended;
  }

  async stop(): Promise<void> {
    await this.terminate();
    await this.database.drop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  private async userOf(key: string): Promise<number> {
    const headers = { authorization: `Bearer ${key}` };
    const answer = await fetch(`${this.url}/api/v1/me`, { headers });
    if (!answer.ok) throw new Error(`The admin key is refused (${answer.status}).\n${this.logs()}`);
    return ((await answer.json()) as { user: { id: number } }).user.id;
  }

  private listening({ child, ended }: BoundProcess): Promise<string> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        clearTimeout(timer);
        reject(new Error(`The server did not start: ${why}\n${this.lines.slice(-20).join('\n')}`));
      };
      const timer = setTimeout(() => fail(`nothing heard for ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
      void ended.then((how) => fail(`it ended with ${how}`));
      createInterface({ input: child.stderr! }).on('line', (line) => this.lines.push(line));
      createInterface({ input: child.stdout! }).on('line', (line) => {
        this.lines.push(line);
        if (!line.includes('"msg":"listening"')) return;
        clearTimeout(timer);
        resolve((JSON.parse(line) as { url: string }).url);
      });
    });
  }
}

function assertBuilt(): void {
  if (!existsSync(MAIN)) throw new Error('dist/ is missing: npm run build');
  const changedMs = Math.max(newest(join(ROOT, 'src')), statSync(join(ROOT, 'ormconfig.ts')).mtimeMs);
  if (changedMs > statSync(MAIN).mtimeMs) throw new Error('dist/ is older than src/: npm run build');
}

function newest(folder: string): number {
  return Math.max(
    ...readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.spec.ts'))
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );
}
