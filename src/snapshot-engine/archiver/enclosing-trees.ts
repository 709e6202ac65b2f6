import { entryStatus } from '../filesystem/entry-status.js';
import type { OwnerNames } from '../filesystem/owner-names.js';
import { encodeNode, treeOf } from '../snapshot/tree.js';
import { bufferOf } from './archive-context.js';
import { nodeOfEntry } from './entry-node.js';
import type { ArchiveTurn } from './turn.js';
import type { TurnOutput } from './turn-output.js';

const SLASH = 0x2f;

/**
 * Trees of the directories above the workspace, each with one entry, as restic stores the way to what it was given.
 * Asks for all of them and answers the id of the topmost.
 */
export function enclose(
  { tree, directories }: NonNullable<ArchiveTurn['enclose']>,
  owners: OwnerNames,
  output: TurnOutput,
): string {
  let subtree = tree;
  for (const directory of directories) {
    const path = bufferOf(directory);
    const name = path.subarray(path.lastIndexOf(SLASH) + 1);
    const node = nodeOfEntry({ directory: -1, name, path }, entryStatus(path), owners);
    subtree = output.askTree(treeOf([encodeNode({ ...node, subtree })]));
  }
  return subtree;
}
