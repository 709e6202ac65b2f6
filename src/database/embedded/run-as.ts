import { execFile } from 'node:child_process';
import { chmod, chown, lchown, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SYSTEM_PATH } from './binaries.js';

/** How PostgreSQL's programs are run. They refuse to run as root. */
export interface RunAs {
  /** Put before any of the programs. */
  readonly wrapper: readonly string[];
  /** Put before the server besides: lets the kernel end it when this process is gone, even by `kill -9`. */
  readonly diesWithParent: readonly string[];
  /** Of the process that is spawned; absent: ours. */
  readonly identity?: { readonly uid: number; readonly gid: number };
  /** Who must own the files; absent: we do already, and could not change it. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

const NOBODY = 65534;
const USER_NAMESPACE = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];
/** QUIT is PostgreSQL's immediate shutdown: nothing acknowledged is lost, the next start recovers. */
const DIES_WITH_PARENT = ['setpriv', '--pdeathsig', 'QUIT'];
const PROBE_TIMEOUT_MS = 10_000;

export async function chooseRunAs(): Promise<RunAs> {
  const isRoot = process.getuid?.() === 0;
  const [userNamespaces, deathSignal] = await Promise.all([works(USER_NAMESPACE), works(DIES_WITH_PARENT)]);
  return planRunAs({ isRoot, userNamespaces, deathSignal });
}

/**
 * Root in a user namespace of its own looks unprivileged to PostgreSQL, yet reaches files below folders that only
 * root may enter. Where containers forbid such namespaces, PostgreSQL becomes `nobody` and owns its files.
 */
export function planRunAs(able: { isRoot: boolean; userNamespaces: boolean; deathSignal: boolean }): RunAs {
  const diesWithParent = able.deathSignal ? DIES_WITH_PARENT : [];
  if (!able.isRoot) return { wrapper: [], diesWithParent };
  if (able.userNamespaces) return { wrapper: USER_NAMESPACE, diesWithParent, owner: { uid: 0, gid: 0 } };
  const nobody = { uid: NOBODY, gid: NOBODY };
  return { wrapper: [], diesWithParent, identity: nobody, owner: nobody };
}

/** Gives the files to whom they must belong; they may come from a start under other circumstances. */
export async function adoptFiles(path: string, owner: RunAs['owner']): Promise<void> {
  if (owner === undefined || (await stat(path)).uid === owner.uid) return;
  const below = await readdir(path, { recursive: true });
  for (const name of below) await lchown(join(path, name), owner.uid, owner.gid);
  // The folder itself last: only then is the work known to be complete.
  await chown(path, owner.uid, owner.gid);
}

/** Lets the identity pass through a folder of ours to its own files, and nobody else. */
export async function letThrough(folder: string, { identity }: RunAs): Promise<void> {
  if (identity === undefined) return;
  await chown(folder, process.getuid!(), identity.gid);
  await chmod(folder, 0o710);
}

async function works([program, ...args]: readonly string[]): Promise<boolean> {
  const run = promisify(execFile)(program!, [...args, 'true'], {
    env: { PATH: SYSTEM_PATH },
    timeout: PROBE_TIMEOUT_MS,
  });
  return run.then(
    () => true,
    () => false,
  );
}
