import type { BlobIndex } from '../blob-index/blob-index.js';
import type { Node } from '../snapshot/node.js';
import type { Snapshot } from '../snapshot/snapshot.js';
import { error, warning, type CheckListener } from './check-problem.js';
import type { MaintainedRepository } from './maintained-repository.js';
import { Reachability } from './reachability.js';

export interface TreeCheck {
  readonly index: BlobIndex;
  readonly snapshots: ReadonlyMap<string, Snapshot>;
  readonly onProblem: CheckListener;
  readonly signal?: AbortSignal;
}

/**
 * Reads every tree that a snapshot needs, once: it can be read, its entries are in order, each once and possible, what
 * it needs is there, and files are as long as their content.
 */
export async function checkTrees(repository: MaintainedRepository, check: TreeCheck): Promise<Reachability> {
  const { index, snapshots, onProblem, signal } = check;
  const reachable = new Reachability({
    ...repository,
    index,
    signal,
    onUnreadable: ({ id, type }, message) =>
      onProblem(error('blob_damaged', `tree ${id}`, message, [{ type, id }])),
    onTreeProblem: (problem, treeId) => onProblem(error('tree_wrong', `tree ${treeId}`, problem.message)),
    onNode: (node, treeId) => checkSize(index, node, treeId, onProblem),
  });
  for (const { tree } of snapshots.values()) reachable.meet('tree', tree);
  await reachable.walk();
  for (const { type, id, neededBy } of reachable.takeMissing()) {
    const needer = neededBy === undefined ? 'a snapshot' : `tree ${neededBy}`;
    onProblem(
      error('blob_missing', `${type} ${id}`, `No index knows ${type} blob ${id}, which ${needer} needs.`, [
        { type, id },
      ]),
    );
  }
  return reachable;
}

function checkSize(index: BlobIndex, node: Node, treeId: string, onProblem: CheckListener): void {
  if (node.type !== 'file' || node.content === undefined) return;
  let contentBytes = 0;
  for (const id of node.content) {
    const row = index.rowOf('data', id);
    if (row === -1) return;
    contentBytes += index.plaintextBytesOf(row);
  }
  const sizeBytes = node.sizeBytes ?? 0;
  if (contentBytes === sizeBytes) return;
  const name = JSON.stringify(node.name.toString());
  const what = `File ${name} in tree ${treeId} is said to have ${sizeBytes} bytes and has ${contentBytes}.`;
  onProblem(warning('tree_wrong', `tree ${treeId}`, what));
}
