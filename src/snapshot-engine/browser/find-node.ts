import { RepositoryError } from '../errors/repository-error.js';
import type { FileCallOptions } from '../repository/repository-files.js';
import type { Node } from '../snapshot/node.js';
import { entryCalled, loadTree, subtreeOf, type BrowsedRepository } from './browsed-repository.js';
import { pathNotFound, showPath, type SnapshotPath } from './snapshot-path.js';

/**
 * The node under `path`, which names at least one entry, below the tree `root`. Symbolic links are not followed: what
 * lies behind one is `path_not_found`. Throws `damaged_repository` where a tree on the way cannot be read.
 */
export async function findNode(
  browsed: BrowsedRepository,
  root: string,
  path: SnapshotPath,
  options?: FileCallOptions,
): Promise<Node> {
  let node: Node | undefined;
  let tree: string | undefined = root;
  for (const [depth, name] of path.entries()) {
    if (tree === undefined) throw pathNotFound(path, `${showPath(path.slice(0, depth))} is no directory`);
    node = entryCalled(await loadTree(browsed, tree, options), tree, name);
    if (node === undefined) throw pathNotFound(path, `${showPath(path.slice(0, depth))} has no such entry`);
    tree = subtreeOf(node);
  }
  if (node === undefined) throw new TypeError('The root of a snapshot has no node.');
  return node;
}

/** Id of the tree of the directory under `path`; the root's for an empty one. Throws `path_not_found`. */
export async function findTree(
  browsed: BrowsedRepository,
  root: string,
  path: SnapshotPath,
  options?: FileCallOptions,
): Promise<string> {
  if (path.length === 0) return root;
  const subtree = subtreeOf(await findNode(browsed, root, path, options));
  if (subtree !== undefined) return subtree;
  throw new RepositoryError('path_not_found', `${showPath(path)} is no directory.`, showPath(path));
}
