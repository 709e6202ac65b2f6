import { posix } from 'node:path';

/** The longest path that Linux opens. */
const MAX_PATH_BYTES = 4_095;
/** Stands for the user's id in a root. */
const USER_PLACE = '{user_id}';

/**
 * A path of this host as it is stored: absolute, without `.`, `..`, doubled or trailing slashes. Answers what is wrong
 * with it instead when it is none.
 */
export function readLocalPath(text: string): { readonly path: string } | { readonly problem: string } {
  if (!text.startsWith('/')) return { problem: 'must be an absolute path, such as /srv/uploads/cat.jpg' };
  if (text.includes('\0')) return { problem: 'must not contain a NUL character' };
  if (!text.isWellFormed()) return { problem: 'must be valid Unicode' };
  const normalised = posix.normalize(text);
  const path = normalised.length > 1 ? normalised.replace(/\/$/, '') : normalised;
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    return { problem: `must have at most ${MAX_PATH_BYTES} bytes` };
  return { path };
}

/** The operator's roots as they are for one user. */
export function rootsFor(roots: readonly string[], userId: number): string[] {
  return roots.map((root) => root.replaceAll(USER_PLACE, String(userId)));
}

/** Whether `path` is `folder` or lies in it; both without links, dots and trailing slashes. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? folder : `${folder}/`);
}
