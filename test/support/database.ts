import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { databaseUrl, TEMPLATE_DATABASE } from './embedded.js';

export interface TestDatabase {
  readonly url: string;
  /** Ends its connections, too. */
  drop(): Promise<void>;
}

/** A database of one's own on the PostgreSQL of this jest run, with all migrations unless told otherwise. */
export async function createTestDatabase({ migrated = true } = {}): Promise<TestDatabase> {
  const server = sharedPostgresUrl();
  const name = `test_${randomBytes(8).toString('hex')}`;
  const template = migrated ? TEMPLATE_DATABASE : 'template0';
  // Its files are copied by the system, not page by page through the log of PostgreSQL.
  await run(server, `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`);
  return {
    url: databaseUrl(server, name),
    drop: () => run(server, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

/**
 * The same rows in another database of the same server, as a restored dump would be. Ends all connections to `from`;
 * pools open new ones.
 */
export async function copyTestDatabase(from: TestDatabase): Promise<TestDatabase> {
  const server = sharedPostgresUrl();
  const name = `test_${randomBytes(8).toString('hex')}`;
  const source = new URL(from.url).pathname.slice(1);
  for (let attempt = 1; ; attempt += 1) {
    await run(server, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${source}'`);
    try {
      await run(server, `CREATE DATABASE ${name} TEMPLATE ${source} STRATEGY FILE_COPY`);
      break;
    } catch (error) {
      // Somebody came back in between.
      if (attempt === 10 || (error as { code?: string }).code !== OBJECT_IN_USE) throw error;
    }
  }
  return {
    url: databaseUrl(server, name),
    drop: () => run(server, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

const OBJECT_IN_USE = '55006';

function sharedPostgresUrl(): string {
  const url = process.env.STOWAGE_TEST_POSTGRES;
  if (url !== undefined) return url;
  throw new Error('This jest project starts no PostgreSQL: give it globalSetup in jest.config.mjs.');
}

async function run(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
