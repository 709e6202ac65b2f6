import type { FileCallOptions } from '../repository/repository-files.js';
import type { Node } from '../snapshot/node.js';
import type { ProblemListener } from '../snapshot/tree.js';
import { entriesOf, subtreeOf, type BrowsedRepository } from './browsed-repository.js';
import type { PathLink } from './snapshot-path.js';
import { TreeQueue, type WaitingDirectory } from './tree-queue.js';

export interface WalkedEntry {
  /** The directory that it lies in; `undefined` for the root. */
  readonly parent: PathLink | undefined;
  readonly node: Node;
}

interface Directory extends WaitingDirectory {
  readonly link: PathLink | undefined;
}

/**
 * Every entry below the tree `root`: a directory's entries by name, then what lies in its subdirectories. Problems go
 * to `onProblem`, which may throw them.
 */
export async function* walkTree(
  browsed: BrowsedRepository,
  root: string,
  onProblem: ProblemListener,
  { signal }: FileCallOptions = {},
): AsyncGenerator<WalkedEntry, void> {
  const queue = new TreeQueue<Directory>(browsed, signal);
  queue.add([{ link: undefined, trees: [root] }]);
  for (let next = await queue.next(); next !== undefined; next = await queue.next()) {
    const { directory, trees } = next;
    const deeper: Directory[] = [];
    for (const node of entriesOf(trees[0]!, directory.trees[0]!, onProblem)) {
      const subtree = subtreeOf(node);
      if (subtree !== undefined)
        deeper.push({ link: { parent: directory.link, name: node.name }, trees: [subtree] });
      yield { parent: directory.link, node };
    }
    queue.add(deeper);
  }
}
