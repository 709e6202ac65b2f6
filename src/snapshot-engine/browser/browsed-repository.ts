import type { BlobIndex } from '../blob-index/blob-index.js';
import type { RepositoryError } from '../errors/repository-error.js';
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

/**
 * The entry called `name`, whatever is wrong with its neighbours. Where none is found but something is wrong, it may be
 * what is missing: throws the first problem.
 */
export function entryCalled(tree: Buffer, id: string, name: Uint8Array): Node | undefined {
  const problems: RepositoryError[] = [];
  const keepFirst: ProblemListener = (problem) => {
    if (problems.length === 0) problems.push(problem);
  };
  for (const node of entriesOf(tree, id, keepFirst)) {
    if (node.name.equals(name)) return node;
  }
  if (problems[0] !== undefined) throw problems[0];
  return undefined;
}

/** Id of the tree of a directory; a hostile repository may give one to anything. */
export function subtreeOf(node: Node | undefined): string | undefined {
  return node?.type === 'dir' ? node.subtree : undefined;
}

export function raise(problem: RepositoryError): never {
  throw problem;
}
