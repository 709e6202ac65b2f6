import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { newApiKey } from '../../src/auth/api-key-format.js';
import { type BoundProcess, startBound } from '../support/bound-process.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** One server among several on the same database, key and disk. */
export interface Replica {
  readonly url: string;
  kill(): Promise<void>;
}

/** Servers that come and go, and what they share: an installation. */
export class Replicas {
  readonly adminKey = newApiKey('admin');
  private readonly masterKey = randomBytes(32).toString('hex');
  private readonly running = new Set<BoundProcess>();

  private constructor(
    private readonly database: TestDatabase,
    readonly dataDir: string,
  ) {}

  static async make(): Promise<Replicas> {
    const [database, dataDir] = await Promise.all([
      createTestDatabase(),
      mkdtemp(join(tmpdir(), 'stowage-replicas-')),
    ]);
    return new Replicas(database, dataDir);
  }

  async start(): Promise<Replica> {
    const bound = startBound(process.execPath, [MAIN], {
      environment: {
        HOST: '127.0.0.1',
        PORT: '0',
        DATABASE_URL: this.database.url,
        DATABASE_POOL_SIZE: '8',
        DATA_DIR: this.dataDir,
        ENCRYPTION_KEY: this.masterKey,
        STOWAGE_ADMIN_KEY: this.adminKey,
        ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1',
        RATE_LIMIT_PER_KEY: '1000000',
      },
    });
    this.running.add(bound);
    const url = await listening(bound);
    return { url, kill: () => this.kill(bound) };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.running].map((bound) => this.kill(bound)));
    await this.database.drop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  private async kill(bound: BoundProcess): Promise<void> {
    bound.child.kill('SIGKILL');
    await bound.ended;
    this.running.delete(bound);
  }
}

function listening(bound: BoundProcess): Promise<string> {
  const { child, ended } = bound;
  return new Promise((resolve, reject) => {
    void ended.then((how) => reject(new Error(`The server ended with ${how}: ${bound.output()}`)));
    child.stderr?.resume();
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (line.includes('"msg":"listening"')) resolve((JSON.parse(line) as { url: string }).url);
    });
  });
}
