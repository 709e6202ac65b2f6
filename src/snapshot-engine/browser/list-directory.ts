import type { RepositoryError } from '../errors/repository-error.js';
import type { FileCallOptions } from '../repository/repository-files.js';
import type { Node } from '../snapshot/node.js';
import { compareNames } from '../snapshot/tree.js';
import { entriesOf, loadTree, type BrowsedRepository } from './browsed-repository.js';
import { findTree } from './find-node.js';
import type { SnapshotPath } from './snapshot-path.js';

export interface PageOptions extends FileCallOptions {
  /** Name of the last entry of the page before. */
  readonly after?: Uint8Array;
  /** Entries of a page; 1,000 unless told. */
  readonly limit?: number;
}

export interface DirectoryPage {
  /** In the order of the bytes of their names. */
  readonly entries: readonly Node[];
  readonly isLast: boolean;
  /** What is wrong with this part of the directory. Entries that would be unsafe to use are left out. */
  readonly problems: readonly RepositoryError[];
}

const DEFAULT_LIMIT = 1_000;
/** A directory of bad entries only would otherwise become a list of errors. */
const MAX_PROBLEMS = 100;

/**
 * A page of a directory below the tree `root`: a directory may have millions of entries. Throws `path_not_found` and
 * `damaged_repository` (a tree that cannot be read at all).
 */
export async function listDirectory(
  browsed: BrowsedRepository,
  root: string,
  path: SnapshotPath,
  { after, limit = DEFAULT_LIMIT, signal }: PageOptions = {},
): Promise<DirectoryPage> {
  const id = await findTree(browsed, root, path, { signal });
  const tree = await loadTree(browsed, id, { signal });
  const entries: Node[] = [];
  const problems: RepositoryError[] = [];
  const onProblem = (problem: RepositoryError) => {
    if (problems.length < MAX_PROBLEMS) problems.push(problem);
  };
  for (const node of entriesOf(tree, id, onProblem)) {
    if (after !== undefined && compareNames(node.name, after) <= 0) continue;
    if (entries.length === limit) return { entries, isLast: false, problems };
    entries.push(node);
  }
  return { entries, isLast: true, problems };
}
