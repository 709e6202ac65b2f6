import type { BlobIndex } from '../blob-index/blob-index.js';
import { RepositoryError } from '../errors/repository-error.js';
import type { FileCallOptions } from '../repository/repository-files.js';
import type { Repository } from '../repository/repository.js';
import type { Node } from '../snapshot/node.js';
import { nodesIn, type ProblemListener } from '../snapshot/tree.js';

/** What can be asked for blobs. `index` must have been loaded after the snapshots were listed. */
export interface BrowsedRepository {
  readonly repository: Pick<Repository, 'loadBlob'>;
  readonly index: BlobIndex;
}

export async function loadTree(
  { repository, index }: BrowsedRepository,
  id: string,
  options?: FileCallOptions,
): Promise<Buffer> {
  return repository.loadBlob('tree', id, index, options);
}

/** Entries that can be shown, one by one. Unsafe ones are left out; everything that is wrong goes to `onProblem`. */
export function* entriesOf(tree: Buffer, id: string, onProblem: ProblemListener): Generator<Node, void> {
  let isUnsafe = false;
  const listen: ProblemListener = (problem) => {
    isUnsafe ||= problem.code === 'unsafe_repository';
    onProblem(problem);
  };
  // Problems of an entry are told before it comes.
  for (const node of nodesIn(tree, `tree ${id}`, listen)) {
    if (!isUnsafe) yield node;
    isUnsafe = false;
  }
}

/** The entry called `name`. Throws what is wrong with the tree before it is found. */
export function entryCalled(tree: Buffer, id: string, name: Uint8Array): Node | undefined {
  for (const node of entriesOf(tree, id, raise)) {
    if (node.name.equals(name)) return node;
  }
  return undefined;
}

/** Id of the tree of a directory; a hostile repository may give one to anything. */
export function subtreeOf(node: Node | undefined): string | undefined {
  return node?.type === 'dir' ? node.subtree : undefined;
}

export function raise(problem: RepositoryError): never {
  throw problem;
}
