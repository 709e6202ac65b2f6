import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { DatabaseStartError } from '../database-start-error.js';
import { type Cluster, urlOf } from './cluster.js';
import type { ServerProcess } from './server-process.js';

const POLL_MS = 40;
const CONNECT_TIMEOUT_MS = 5_000;
/** Recovery after a crash may take its time. */
const START_TIMEOUT_MS = 300_000;
const INVALID_PASSWORD = '28P01';

/**
 * Resolves when PostgreSQL answers a statement and has our database. Asked by connecting: what it logs is for people.
 * @throws DatabaseStartError when it ends before, or does not answer in five minutes
 */
export async function untilReady(
  server: ServerProcess,
  cluster: Cluster,
  port: number,
  signal?: AbortSignal,
): Promise<void> {
  let ended: string | undefined;
  void server.ended.then((how) => (ended = how));
  const startMs = performance.now();
  for (;;) {
    const refusal = await tryToConnect(cluster, port);
    if (refusal === undefined) return;
    signal?.throwIfAborted();
    if (ended !== undefined) throw didNotStart(`it ended with ${ended}`, server, refusal);
    if ((refusal as { code?: string }).code === INVALID_PASSWORD) {
      throw didNotStart(`it refuses the password in ${cluster.path}/password`, server, refusal);
    }
    if (performance.now() - startMs > START_TIMEOUT_MS)
      throw didNotStart('it does not answer', server, refusal);
    await pause(POLL_MS, null, { signal });
  }
}

async function tryToConnect(cluster: Cluster, port: number): Promise<unknown> {
  const connectionString = urlOf(cluster, port, 'postgres');
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // An error after the connection is made is also the rejection of the statement under way.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = 'stowage'");
    if (rowCount === 0) await client.query('CREATE DATABASE stowage');
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function didNotStart(reason: string, server: ServerProcess, cause: unknown): DatabaseStartError {
  return new DatabaseStartError(`The embedded PostgreSQL did not start: ${reason}.\n${server.lastWords}`, {
    cause,
  });
}
