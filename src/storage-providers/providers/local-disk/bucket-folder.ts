import { lstat, mkdir, open, realpath, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasErrno, noSuchBucket, type DiskCall } from './disk-failure.js';

/**
 * The folder of one bucket. It is found once, with all links of the root resolved; below it no link is followed.
 * Its absence is told from the absence of the root: a disk that is not mounted must not look like an empty bucket
 * where the root is the mount point's child.
 */
export class BucketFolder {
  private resolved: string | undefined;

  constructor(
    private readonly root: string,
    /** Relative to the root, of names without links and dots. */
    readonly bucketPath: string,
  ) {}

  /** Makes the folder when only it is absent. Rejects with `bucket_not_found` when the root is. */
  async make(call: DiskCall): Promise<string> {
    if (this.resolved !== undefined) return this.resolved;
    const root = await this.realRoot(call);
    const path = join(root, this.bucketPath);
    await makeFolders(root, path).catch((error: unknown) => {
      throw hasErrno(error, 'ENOTDIR') ? noSuchBucket(call) : error;
    });
    return (this.resolved = path);
  }

  /** The folder if it is there; undefined when only it is absent. */
  async find(call: DiskCall): Promise<string | undefined> {
    if (this.resolved !== undefined) return this.resolved;
    const path = join(await this.realRoot(call), this.bucketPath);
    const isThere = await realpath(path).then((real) => real === path, ignoreAbsent);
    if (isThere === false) throw noSuchBucket(call);
    return isThere === undefined ? undefined : (this.resolved = path);
  }

  private async realRoot(call: DiskCall): Promise<string> {
    try {
      return await realpath(this.root);
    } catch (error) {
      throw hasErrno(error, 'ENOENT', 'ENOTDIR') ? noSuchBucket(call) : error;
    }
  }
}

/**
 * Makes the folders from below `top` down to `folder` and makes their names durable.
 * Rejects with `ENOTDIR` when a file or a link is in the way and with `ENOENT` when `top` is absent.
 */
export async function makeFolders(top: string, folder: string): Promise<void> {
  let at = top;
  for (const name of folder.slice(top.length + 1).split('/')) {
    const parent = at;
    at = join(parent, name);
    await mkdir(at, { mode: 0o700 }).then(() => syncFolder(parent), ignoreExisting);
    if (!(await lstat(at)).isDirectory()) throw notAFolder(at);
  }
}

/** Removes empty folders from `folder` up to below `top`; stops at the first one that is in use. */
export async function removeEmptyFolders(top: string, folder: string): Promise<void> {
  for (let at = folder; at.length > top.length && at.startsWith(`${top}/`); at = dirname(at)) {
    try {
      await rmdir(at);
    } catch {
      return;
    }
  }
}

/** Without it a new name may be lost by a power failure although its file is not. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Rejects with `ENOTDIR` when the folder is reached through a link: links lead out of the bucket. */
export async function assertNoLinks(folder: string): Promise<void> {
  if ((await realpath(folder)) !== folder) throw notAFolder(folder);
}

function notAFolder(path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${path} is not a folder`), { code: 'ENOTDIR' });
}

function ignoreExisting(error: unknown): void {
  if (!hasErrno(error, 'EEXIST')) throw error;
}

function ignoreAbsent(error: unknown): undefined {
  if (!hasErrno(error, 'ENOENT')) throw error;
}
