import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { AbstractLogger, DataSource, type DataSourceOptions } from 'typeorm';
import { ADVISORY_LOCK_CLASS, ADVISORY_LOCKS } from './advisory-locks.js';
import { isConnectionLoss } from './connection-loss.js';
import { DatabaseStartError } from './database-start-error.js';
import { migrateQueue } from './queue-schema.js';

export interface MigrateOptions {
  readonly url: string;
  readonly migrations: DataSourceOptions['migrations'];
  readonly log: (message: string) => void;
  /** How long to wait for a database that is not there yet. */
  readonly reachableWithinMs?: number;
}

const OLDEST_VERSION = 15;
const REACHABLE_WITHIN_MS = 60_000;
const CONNECT_TIMEOUT_MS = 5_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** Another replica may have a long migration under way. */
const LOCK_TIMEOUT_MS = 600_000;

/**
 * Brings the database's tables up to date. Any number of replicas may do it at the same time: one at a time works,
 * the others wait and find nothing left to do. Waits for a database that is just starting.
 * @throws DatabaseStartError
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  const connection = await connect(options);
  try {
    await assertVersion(connection);
    await connection.query('BEGIN');
    await connection.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await connection.query('SET LOCAL idle_in_transaction_session_timeout = 0');
    await connection.query('SELECT pg_advisory_xact_lock($1, $2)', [
      ADVISORY_LOCK_CLASS,
      ADVISORY_LOCKS.migrations,
    ]);
    await runMigrations(options);
    await migrateQueue(options.url);
    await connection.query('COMMIT');
  } catch (error) {
    if (error instanceof DatabaseStartError) throw error;
    const message = `The tables in ${describe(options.url)} could not be brought up to date: ${messageOf(error)}.`;
    throw new DatabaseStartError(message, { cause: error });
  } finally {
    await connection.end().catch(() => undefined);
  }
}

async function runMigrations({ url, migrations, log }: MigrateOptions): Promise<void> {
  const dataSource = new DataSource({
    type: 'postgres',
    url,
    migrations,
    poolSize: 1,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    applicationName: 'stowage migrations',
    // What goes wrong is thrown; TypeORM would write to the console besides.
    logger: new SilentLogger(),
  });
  await dataSource.initialize();
  try {
    for (const { name } of await dataSource.runMigrations({ transaction: 'each' })) log(`Migrated: ${name}`);
  } finally {
    await dataSource.destroy();
  }
}

class SilentLogger extends AbstractLogger {
  protected override writeLog(): void {}
}

/** Tries again while the database may be starting; a wrong password or name is told at once. */
async function connect(options: MigrateOptions): Promise<pg.Client> {
  const { url, log, reachableWithinMs = REACHABLE_WITHIN_MS } = options;
  const startMs = performance.now();
  for (let attempt = 0; ; attempt++) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
    // Without a listener an error on an idle connection would end the process; the next statement reports it.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      const waitedMs = performance.now() - startMs;
      if (!isConnectionLoss(error) || waitedMs > reachableWithinMs) throw unreachable(url, error);
      if (attempt === 0) log(`Waiting for ${describe(url)}: ${messageOf(error)}`);
      await pause(Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS, reachableWithinMs));
    }
  }
}

async function assertVersion(connection: pg.Client): Promise<void> {
  const { rows } = await connection.query<{ number: number; version: string }>(
    `SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS version`,
  );
  const { number, version } = rows[0]!;
  if (number >= OLDEST_VERSION * 10_000) return;
  throw new DatabaseStartError(
    `This is PostgreSQL ${version}; Stowage needs ${OLDEST_VERSION} or newer. Upgrade it, or unset DATABASE_URL to use ` +
      'the embedded one.',
  );
}

function unreachable(url: string, cause: unknown): DatabaseStartError {
  return new DatabaseStartError(
    `${describe(url)} cannot be used: ${messageOf(cause)}. Check DATABASE_URL and that PostgreSQL runs and lets ` +
      'this user in.',
    { cause },
  );
}

/** The database without the password of its URL. */
function describe(url: string): string {
  if (!URL.canParse(url)) return 'the PostgreSQL of DATABASE_URL';
  const { hostname, port, pathname } = new URL(url);
  return `the PostgreSQL database "${pathname.slice(1)}" on ${hostname}:${port || 5432}`;
}

/** When several addresses of a host refuse, the message is empty and each of them has its own. */
function messageOf(error: unknown): string {
  const { message, errors } = error as { message?: string; errors?: unknown[] };
  return message || (errors ?? []).map(messageOf).join(', ') || String(error);
}
