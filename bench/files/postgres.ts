import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Binaries } from '../../src/database/embedded/binaries.ts';
import { Child, HARNESS_CORE } from './child.ts';
import { freePort } from './free-port.ts';

const START_LIMIT_MS = 60_000;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  shared_buffers: '512MB',
  max_connections: '200',
  jit: 'off', // as in the embedded one
  max_wal_size: '8GB',
  checkpoint_timeout: '30min', // a checkpoint would hit one peer of a round and not the other
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track_utility': 'on',
  'pg_stat_statements.track_planning': 'on',
};

/** The one database server of both peers: durable as in production, on the core of the harness. */
export class Postgres {
  readonly pid: number;
  private readonly child: Child;
  private readonly folder: string;
  private readonly port: number;
  private readonly admin: pg.Pool;

  private constructor(child: Child, folder: string, port: number) {
    this.child = child;
    this.pid = child.pid;
    this.folder = folder;
    this.port = port;
    this.admin = new pg.Pool({ connectionString: this.url('postgres'), max: 1 });
    this.admin.on('error', () => undefined);
  }

  static async start(): Promise<Postgres> {
    const folder = await mkdtemp(join(tmpdir(), 'stowage-bench-'));
    const data = join(folder, 'data');
    const sockets = join(folder, 'run');
    await mkdir(sockets);
    const { initdb, postgres, environment } = await binaries(folder);
    const locale = ['--encoding=UTF8', '--locale=C'];
    const prepare = [initdb, '-D', data, '-U', 'bench', '--auth=trust', '--no-sync', ...locale];
    const [program = '', ...args] = unprivileged(prepare);
    await promisify(execFile)(program, args, { env: environment });
    const port = await freePort();
    const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const serve = [postgres, '-D', data, '-k', sockets, '-p', String(port), ...settings];
    const child = new Child(HARNESS_CORE, unprivileged(serve), { quiet: true, env: environment });
    const server = new Postgres(child, folder, port);
    await server.ready();
    await server.admin.query('CREATE EXTENSION pg_stat_statements');
    return server;
  }

  url(database: string): string {
    return `postgres://bench@127.0.0.1:${this.port}/${database}`;
  }

  async createDatabase(name: string): Promise<string> {
    await this.admin.query(`CREATE DATABASE ${name}`);
    return this.url(name);
  }

  /** Statements that ended in a database since the server started, transaction control included. */
  async statements(database: string): Promise<number> {
    const { rows } = await this.admin.query<{ calls: string }>(
      `SELECT coalesce(sum(calls), 0) AS calls FROM pg_stat_statements s
       JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = $1 AND s.toplevel`,
      [database],
    );
    return Number(rows[0]?.calls);
  }

  /** What statements in a database have cost since the server started: pages of 8 KiB that were looked at, and time. */
  async costs(database: string): Promise<{ readonly pages: number; readonly ms: number }> {
    const { rows } = await this.admin.query<{ pages: string; ms: number }>(
      `SELECT coalesce(sum(shared_blks_hit + shared_blks_read), 0) AS pages, coalesce(sum(total_exec_time + total_plan_time), 0) AS ms
       FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = $1 AND s.toplevel`,
      [database],
    );
    return { pages: Number(rows[0]?.pages), ms: rows[0]?.ms ?? 0 };
  }

  async stop(): Promise<void> {
    await this.admin.end();
    await this.child.stop('SIGINT'); // fast shutdown
    await rm(this.folder, { recursive: true, force: true });
  }

  private async ready(): Promise<void> {
    const limitMs = performance.now() + START_LIMIT_MS;
    for (;;) {
      try {
        await this.admin.query('SELECT 1');
        return;
      } catch (error) {
        if (this.child.ended || performance.now() > limitMs) {
          throw new Error(`PostgreSQL does not start: ${this.child.lastOutput}`, { cause: error });
        }
        await sleep(50);
      }
    }
  }
}

/** The server's own way to its embedded PostgreSQL, as built: it also completes the package's libraries. */
async function binaries(folder: string): Promise<Binaries> {
  const built = new URL('../../dist/src/database/embedded/binaries.js', import.meta.url);
  if (!existsSync(built)) throw new Error(`${fileURLToPath(built)} is missing; run npm run build`);
  const module = (await import(built.href)) as { locateBinaries(dataDir: string): Promise<Binaries> };
  return module.locateBinaries(folder);
}

/** PostgreSQL refuses to run as root: there it runs as nobody of its own user namespace, and dies with us. */
function unprivileged(command: readonly string[]): string[] {
  if (process.getuid?.() !== 0) return [...command];
  return [
    'unshare',
    '--user',
    '--map-user=65534',
    '--map-group=65534',
    'setpriv',
    '--pdeathsig',
    'QUIT',
    ...command,
  ];
}
