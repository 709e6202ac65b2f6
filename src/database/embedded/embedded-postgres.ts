import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DatabaseStartError } from '../database-start-error.js';
import { locateBinaries } from './binaries.js';
import { openCluster, readCluster, urlOf } from './cluster.js';
import { DirectoryLock } from './directory-lock.js';
import { endLeftoverProcesses, readPidFile } from './leftover-processes.js';
import { Postmaster } from './postmaster.js';
import { chooseRunAs, letThrough } from './run-as.js';

export interface EmbeddedPostgres {
  /** `postgres://stowage:…@127.0.0.1:<port>/stowage`; stays the same until `stop`, also when PostgreSQL crashes. */
  readonly url: string;
  /** Closes all connections, writes a checkpoint and ends PostgreSQL. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Folder of all that Stowage keeps on this machine; the database is its folder `postgres`. */
  readonly dataDir: string;
  /** Hears what happens to PostgreSQL, a line at a time. */
  readonly log: (message: string) => void;
  /** PostgreSQL settings instead of ours; a throw-away database may be faster than a durable one. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Starts the PostgreSQL that npm brought, as a child of this process: made at the first start, started again when it
 * crashes, ended with this process however that ends. It listens on loopback only and has a random password.
 * @throws DatabaseStartError
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const binaries = await locateBinaries(dataDir);
  const runAs = await chooseRunAs();
  await letThrough(dataDir, runAs);
  const lock = await DirectoryLock.acquire(dataDir);
  if (lock === undefined) throw inUse(dataDir);
  try {
    const isThrowAway = options.settings?.fsync === 'off';
    const cluster = await openCluster(dataDir, binaries, runAs, { isThrowAway });
    await endLeftoverProcesses(cluster.dataPath, options.log);
    const { log, settings = {} } = options;
    const postmaster = await Postmaster.start({ binaries, runAs, cluster, settings, log });
    return {
      url: urlOf(cluster, postmaster.port),
      stop: () => postmaster.stop().finally(() => lock.release()),
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/**
 * URL of the embedded PostgreSQL that another process runs in `dataDir` right now, undefined when none does: for
 * commands beside a running server.
 * @throws DatabaseStartError while it is just starting
 */
export async function runningEmbeddedPostgres(dataDir: string): Promise<string | undefined> {
  const lock = await DirectoryLock.acquire(resolve(dataDir), { waitSeconds: 0 });
  if (lock !== undefined) {
    await lock.release();
    return undefined;
  }
  const cluster = await readCluster(resolve(dataDir));
  const running = cluster && (await readPidFile(cluster.dataPath));
  if (running?.port !== undefined) return urlOf(cluster!, running.port);
  throw new DatabaseStartError(
    `The embedded database in ${dataDir} is just starting. Try again in a moment.`,
  );
}

function inUse(dataDir: string): DatabaseStartError {
  return new DatabaseStartError(
    `The embedded database in ${dataDir} is in use by another Stowage. Stop that one, give this one its own ` +
      'DATA_DIR, or let both use one PostgreSQL with DATABASE_URL.',
  );
}
