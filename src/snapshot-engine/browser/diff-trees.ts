import type { FileCallOptions } from '../repository/repository-files.js';
import type { Node } from '../snapshot/node.js';
import { compareNames } from '../snapshot/tree.js';
import { entriesOf, raise, subtreeOf, type BrowsedRepository } from './browsed-repository.js';
import { compareNodes, type ChangeKind } from './node-changes.js';
import { pathBelow, type PathLink } from './snapshot-path.js';
import { TreeQueue, type WaitingDirectory } from './tree-queue.js';

export interface SnapshotChange {
  readonly kind: ChangeKind;
  readonly path: readonly Buffer[];
  readonly before?: Node;
  readonly after?: Node;
}

interface DirectoryPair extends WaitingDirectory {
  readonly link: PathLink | undefined;
}

/**
 * What differs between two trees, directory by directory, from the top: a directory's entries by name, then what lies
 * in its subdirectories. All that an added or removed directory holds is told too. Directories with the same tree are
 * passed over unread. Throws the first problem of a tree.
 */
export async function* diffTrees(
  browsed: BrowsedRepository,
  before: string,
  after: string,
  { signal }: FileCallOptions = {},
): AsyncGenerator<SnapshotChange, void> {
  const queue = new TreeQueue<DirectoryPair>(browsed, signal);
  if (before !== after) queue.add([{ link: undefined, trees: [before, after] }]);
  for (let next = await queue.next(); next !== undefined; next = await queue.next()) {
    const { directory, trees } = next;
    const deeper: DirectoryPair[] = [];
    for (const [from, to] of pairsOf(directory, trees)) {
      const { name } = (to ?? from)!;
      const kind = kindOf(from, to);
      if (kind !== undefined) yield { kind, path: pathBelow(directory.link, name), before: from, after: to };
      const subtrees = [subtreeOf(from), subtreeOf(to)];
      if (subtrees[0] !== subtrees[1])
        deeper.push({ link: { parent: directory.link, name }, trees: subtrees });
    }
    queue.add(deeper);
  }
}

function kindOf(before: Node | undefined, after: Node | undefined): ChangeKind | undefined {
  if (before === undefined) return 'added';
  return after === undefined ? 'removed' : compareNodes(before, after);
}

/** Entries of both sides by name, merged without holding either list. */
function* pairsOf(
  { trees: ids }: WaitingDirectory,
  trees: readonly (Buffer | undefined)[],
): Generator<readonly [Node | undefined, Node | undefined], void> {
  const sides = trees.map((tree, side) => (tree === undefined ? none() : entriesOf(tree, ids[side]!, raise)));
  const [left, right] = [sides[0]!, sides[1]!];
  let before = left.next().value;
  let after = right.next().value;
  while (before || after) {
    const order = !before ? 1 : !after ? -1 : compareNames(before.name, after.name);
    yield [order <= 0 ? before! : undefined, order >= 0 ? after! : undefined];
    if (order <= 0) before = left.next().value;
    if (order >= 0) after = right.next().value;
  }
}

function* none(): Generator<Node, void> {}
