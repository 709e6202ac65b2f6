import { realpathSync } from 'node:fs';
import { RepositoryError } from '../errors/repository-error.js';
import { entryStatus, FILE_TYPE } from '../filesystem/entry-status.js';
import { isSystemError } from '../filesystem/libc.js';

/**
 * `absolute`: the tree leads from `/` to the workspace, as `restic backup /the/workspace` makes it. `contents`: the
 * tree is the workspace's own, as `restic backup .` makes it inside.
 */
export type TreeLayout = 'absolute' | 'contents';

const SLASH = 0x2f;

/** The workspace's real path, when it is a directory. Throws `workspace_unreadable`. */
export function resolveWorkspace(path: string | Buffer): Buffer {
  const shown = path.toString();
  try {
    const real = realpathSync(path, { encoding: 'buffer' });
    if ((entryStatus(real).mode & FILE_TYPE.mask) === FILE_TYPE.directory) return real;
  } catch (error) {
    const why = isSystemError(error, 'ENOENT', 'ENOTDIR') ? 'does not exist' : 'cannot be read';
    throw new RepositoryError('workspace_unreadable', `The workspace ${shown} ${why}.`, shown, {
      cause: error,
    });
  }
  throw new RepositoryError('workspace_unreadable', `The workspace ${shown} is not a directory.`, shown);
}

/** The workspace and the directories above it without `/`, innermost first: those whose nodes lead to it. */
export function enclosingDirectories(workspace: Buffer, layout: TreeLayout): Buffer[] {
  const directories: Buffer[] = [];
  if (layout === 'contents') return directories;
  for (let end = workspace.length; end > 1; end = workspace.lastIndexOf(SLASH, end - 1)) {
    directories.push(workspace.subarray(0, end));
  }
  return directories;
}
