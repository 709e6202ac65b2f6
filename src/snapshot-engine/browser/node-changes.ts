import type { ExtendedAttribute, Node } from '../snapshot/node.js';

/**
 * `type`: another kind of entry under the same name. `modified`: other content, link target or device. `metadata`: only
 * mode, owner, time of change or attributes differ.
 */
export type ChangeKind = 'added' | 'removed' | 'type' | 'modified' | 'metadata';

/** How an entry that is in both snapshots changed. Of directories only their own metadata counts. */
export function compareNodes(before: Node, after: Node): ChangeKind | undefined {
  if (before.type !== after.type) return 'type';
  if (!sameContent(before, after)) return 'modified';
  return sameMetadata(before, after) ? undefined : 'metadata';
}

function sameContent(before: Node, after: Node): boolean {
  if (before.device !== after.device) return false;
  if (!sameBytes(before.linkTarget, after.linkTarget)) return false;
  const [a, b] = [before.content ?? [], after.content ?? []];
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

/** Not compared: what the file system gave it (inode, device, times of access and of status change). */
function sameMetadata(before: Node, after: Node): boolean {
  return (
    before.mode === after.mode &&
    before.mtimeNs === after.mtimeNs &&
    before.uid === after.uid &&
    before.gid === after.gid &&
    before.genericAttributes === after.genericAttributes &&
    sameAttributes(before.extendedAttributes ?? [], after.extendedAttributes ?? [])
  );
}

/** File systems list them in any order. */
function sameAttributes(a: readonly ExtendedAttribute[], b: readonly ExtendedAttribute[]): boolean {
  if (a.length !== b.length) return false;
  const values = new Map(a.map(({ name, value }) => [name, value]));
  return b.every(({ name, value }) => sameBytes(values.get(name), value));
}

function sameBytes(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}
