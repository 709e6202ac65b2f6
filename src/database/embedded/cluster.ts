import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DatabaseStartError } from '../database-start-error.js';
import type { Binaries } from './binaries.js';
import { adoptFiles, type RunAs } from './run-as.js';

/** A PostgreSQL data directory and what is needed to enter it. */
export interface Cluster {
  readonly path: string;
  readonly dataPath: string;
  readonly password: string;
}

const USER = 'stowage';
const DATABASE = 'stowage';
const UNFINISHED = 'postgres.new-';
const INITDB_TIMEOUT_MS = 300_000;

/** @param database by default ours; `postgres` always exists */
export function urlOf(cluster: Cluster, port: number, database: string = DATABASE): string {
  return `postgres://${USER}:${cluster.password}@127.0.0.1:${port}/${database}`;
}

/**
 * The cluster in `dataDir`, made when there is none. It appears whole or not at all: a crash on the way leaves a
 * folder that the next attempt removes. The caller holds the directory's lock.
 * @throws DatabaseStartError
 */
export async function openCluster(
  dataDir: string,
  binaries: Binaries,
  runAs: RunAs,
  { isThrowAway }: { isThrowAway: boolean },
): Promise<Cluster> {
  for (const name of await readdir(dataDir)) {
    if (name.startsWith(UNFINISHED)) await rm(join(dataDir, name), { recursive: true, force: true });
  }
  if ((await readCluster(dataDir)) === undefined) await makeCluster(dataDir, binaries, runAs, isThrowAway);
  const cluster = (await readCluster(dataDir))!;
  await adoptFiles(cluster.path, runAs.owner);
  await assertVersion(cluster, binaries);
  return cluster;
}

export async function readCluster(dataDir: string): Promise<Cluster | undefined> {
  const path = join(dataDir, 'postgres');
  try {
    const password = await readFile(join(path, 'password'), 'utf8');
    return { path, dataPath: join(path, 'data'), password };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DatabaseStartError(`The embedded database cannot be read: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

async function makeCluster(
  dataDir: string,
  binaries: Binaries,
  runAs: RunAs,
  isThrowAway: boolean,
): Promise<void> {
  const unfinished = await mkdtemp(join(dataDir, UNFINISHED));
  await writeFile(join(unfinished, 'password'), randomBytes(24).toString('hex'), {
    mode: 0o600,
    flush: true,
  });
  await mkdir(join(unfinished, 'data'), { mode: 0o700 });
  await adoptFiles(unfinished, runAs.owner);
  await runInitdb(unfinished, binaries, runAs, isThrowAway);
  await rename(unfinished, join(dataDir, 'postgres'));
  const folder = await open(dataDir, 'r');
  await folder.sync().finally(() => folder.close());
}

async function runInitdb(path: string, binaries: Binaries, runAs: RunAs, noSync: boolean): Promise<void> {
  // C.UTF-8 sorts by code point on every machine and still knows letters beyond ASCII.
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const access = [`--username=${USER}`, '--auth=scram-sha-256', `--pwfile=${join(path, 'password')}`];
  const args = [`--pgdata=${join(path, 'data')}`, ...locale, ...access, '--no-instructions'];
  const [program, ...rest] = [...runAs.wrapper, binaries.initdb, ...args, ...(noSync ? ['--no-sync'] : [])];
  try {
    await promisify(execFile)(program!, rest, {
      ...runAs.identity,
      cwd: '/',
      env: binaries.environment,
      timeout: INITDB_TIMEOUT_MS,
    });
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim();
    throw new DatabaseStartError(
      `The embedded database could not be made in ${path}: ${said || (cause as Error).message}\n` +
        'Mend that, or set DATABASE_URL to a PostgreSQL 15 or newer.',
      { cause },
    );
  }
}

async function assertVersion(cluster: Cluster, binaries: Binaries): Promise<void> {
  const version = Number.parseInt(await readFile(join(cluster.dataPath, 'PG_VERSION'), 'utf8'), 10);
  if (version === binaries.majorVersion) return;
  throw new DatabaseStartError(
    `The embedded database in ${cluster.path} was made by PostgreSQL ${version}, and this Stowage brings ` +
      `${binaries.majorVersion}. Dump it with the Stowage that made it and load it into a new one.`,
  );
}
