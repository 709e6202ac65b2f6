import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isWithin, readLocalPath, rootsFor } from './host-path.js';
import { folderUnavailable, notAllowed } from './local-files-error.js';

/** Where a path leads now: `path` has no links on its way. */
export interface AllowedPath {
  /** A root of the operator, without links. */
  readonly root: string;
  readonly path: string;
}

export interface AllowedPathsOptions {
  /** LOCAL_FILES_ROOTS. */
  readonly roots: readonly string[];
  /** Holds the master key and the embedded database: never anybody's local file. */
  readonly dataDir: string;
}

/** Which paths of this host a user may have uploaded. */
export class AllowedPaths {
  constructor(private readonly options: AllowedPathsOptions) {}

  /** Whether the operator has local files on at all. */
  get any(): boolean {
    return this.options.roots.length > 0;
  }

  /**
   * Follows links as far as the path exists, and says whether the end lies in a root. Says the same of all that lies
   * outside, whether it exists or not. Others may move links afterwards: whoever opens the path follows none.
   * @param text as somebody wrote it
   * @throws LocalFilesError `local_files_not_allowed`, `local_folder_unavailable`
   */
  async locate(userId: number, text: string): Promise<AllowedPath> {
    if (!this.any) {
      throw notAllowed('The operator of this server allows no local files: LOCAL_FILES_ROOTS is not set.');
    }
    const read = readLocalPath(text);
    if ('problem' in read) throw notAllowed(`The path of a local file ${read.problem}.`);
    const expanded = rootsFor(this.options.roots, userId);
    const real = await realPathOf(read.path);
    if (await this.isOurs(real)) throw refused(expanded);
    for (const root of expanded) {
      const realRoot = await realPathOf(root);
      if (!isWithin(real, realRoot)) continue;
      if (!(await exists(root))) throw folderUnavailable(root);
      return { root: realRoot, path: real };
    }
    throw refused(expanded);
  }

  /** Whether a path without links holds data of the server itself. */
  async isOurs(path: string): Promise<boolean> {
    return isWithin(path, await realPathOf(this.options.dataDir));
  }
}

function refused(roots: readonly string[]) {
  return notAllowed(`This path may not be used; only files below ${roots.join(', ')} may.`);
}

async function exists(path: string): Promise<boolean> {
  return realpath(path).then(
    () => true,
    () => false,
  );
}

/** Of what exists of it; what does not exist, or may not be entered, stays as it is written. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realPathOf(parent), basename(path));
  }
}
