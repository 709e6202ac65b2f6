import { RepositoryError } from '../errors/repository-error.js';

/** Raw names from the root of a snapshot down; none: the root itself. */
export type SnapshotPath = readonly Uint8Array[];

const SLASH = 0x2f;
/** Longer paths cannot be opened on Linux, but can lie in a snapshot: each directory was opened from its parent. */
const MAX_PATH_BYTES = 8 * 1_024 * 1_024;

/** Splits `a/b` or `/a/b/` at its slashes. Throws `path_not_found` for names that no entry can have. */
export function parseSnapshotPath(path: string | Uint8Array): Buffer[] {
  const bytes = Buffer.from(path as Uint8Array);
  if (bytes.length > MAX_PATH_BYTES) throw pathNotFound([], 'it is longer than any path');
  const names: Buffer[] = [];
  for (let start = 0; start <= bytes.length;) {
    const slash = bytes.indexOf(SLASH, start);
    const end = slash === -1 ? bytes.length : slash;
    if (end > start) names.push(bytes.subarray(start, end));
    start = end + 1;
  }
  for (const name of names) {
    if (name.includes(0) || /^\.\.?$/.test(name.toString('latin1'))) {
      throw pathNotFound(names, 'snapshots hold no such names');
    }
  }
  return names;
}

/** A directory below another: a path that shares what it can, because a tree may be 10,000 directories deep. */
export interface PathLink {
  readonly parent: PathLink | undefined;
  readonly name: Buffer;
}

/** The names from the root down to `name` in the directory `parent`. */
export function pathBelow(parent: PathLink | undefined, name: Buffer): Buffer[] {
  const path = [name];
  for (let link = parent; link !== undefined; link = link.parent) path.push(link.name);
  return path.reverse();
}

/** For humans; bytes that are no UTF-8 are replaced. */
export function showPath(path: SnapshotPath): string {
  return `/${path.map((name) => Buffer.from(name).toString()).join('/')}`;
}

export function pathNotFound(path: SnapshotPath, why: string): RepositoryError {
  const shown = showPath(path);
  return new RepositoryError('path_not_found', `There is no ${shown} in this snapshot: ${why}.`, shown);
}
