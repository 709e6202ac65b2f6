import { RepositoryError } from '../errors/repository-error.js';
import { decodeTree } from '../snapshot/tree.js';
import type { ArchiveTarget } from './archive-target.js';
import type { PreviousDirectory } from './directory-record.js';

/**
 * The workspace's directory in an earlier snapshot's tree, found by the names of the directories that enclose it.
 * `undefined` when it is not there or cannot be read: then everything is read.
 */
export async function findPreviousWorkspace(
  target: ArchiveTarget,
  rootTree: string,
  enclosing: readonly Buffer[],
  signal: AbortSignal,
): Promise<PreviousDirectory | undefined> {
  let tree: string | undefined = rootTree;
  for (const directory of enclosing.toReversed()) {
    const name = directory.subarray(directory.lastIndexOf('/') + 1);
    tree = await subtreeOf(target, tree, name, signal);
    if (tree === undefined) return undefined;
  }
  return { tree };
}

async function subtreeOf(target: ArchiveTarget, tree: string, name: Buffer, signal: AbortSignal) {
  const bytes = await target.loadTree(tree, { signal });
  if (bytes === undefined) return undefined;
  try {
    return decodeTree(bytes, `Tree ${tree}`).find((node) => node.name.equals(name))?.subtree;
  } catch (error) {
    if (error instanceof RepositoryError) return undefined;
    throw error;
  }
}
