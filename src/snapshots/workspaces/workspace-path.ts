import { posix } from 'node:path';

/** The longest path that Linux opens. */
export const MAX_PATH_BYTES = 4_095;

/**
 * A path on an agent's host as it is stored: absolute, without `.`, `..`, doubled or trailing slashes. Answers what
 * is wrong with it instead when it is none.
 */
export function readHostPath(path: string): { readonly path: string } | { readonly problem: string } {
  if (!path.startsWith('/')) return { problem: 'must be an absolute path, such as /srv/project' };
  if (path.includes('\0')) return { problem: 'must not contain a NUL character' };
  if (!path.isWellFormed()) return { problem: 'must be valid Unicode' };
  const normalised = posix.normalize(path);
  const trimmed = normalised.length > 1 ? normalised.replace(/\/$/, '') : normalised;
  if (Buffer.byteLength(trimmed) > MAX_PATH_BYTES)
    return { problem: `must have at most ${MAX_PATH_BYTES} bytes` };
  return { path: trimmed };
}

export interface ServerPathRules {
  /** Holds the master key and the embedded database. */
  readonly dataDir: string;
  /** Folders of the server's machine that everybody may use. */
  readonly workspaceRoots: readonly string[];
  readonly isAdministrator: boolean;
}

/**
 * Why a user may not read or write a path of the server's own machine; undefined: it may. `path` has no symbolic
 * links on its way any more.
 */
export function serverPathRefusal(path: string, rules: ServerPathRules): string | undefined {
  const { dataDir, workspaceRoots, isAdministrator } = rules;
  if (isWithin(path, dataDir) || isWithin(dataDir, path)) {
    return 'This path holds the data of the server itself, or lies in it.';
  }
  if (isAdministrator || workspaceRoots.some((root) => isWithin(path, root))) return undefined;
  return workspaceRoots.length === 0
    ? "Only administrators may use the server's own machine: its operator has set no WORKSPACE_ROOTS."
    : `On the server's own machine only paths below ${workspaceRoots.join(', ')} may be used.`;
}

/** Whether `path` is `folder` or lies in it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? folder : `${folder}/`);
}
