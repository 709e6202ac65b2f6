import { hash } from 'node:crypto';
import { inParallel } from '../repository/in-parallel.js';
import type { FileCallOptions } from '../repository/repository-files.js';
import type { Node } from '../snapshot/node.js';
import type { StoredSnapshot } from '../snapshot/snapshot-list.js';
import { entryCalled, loadTree, subtreeOf, type BrowsedRepository } from './browsed-repository.js';
import type { SnapshotPath } from './snapshot-path.js';

/** One content that a path has had. */
export interface FileVersion {
  /** As the newest of `snapshots` has it. */
  readonly node: Node;
  /** Newest first. */
  readonly snapshots: readonly StoredSnapshot[];
}

export interface FileVersions {
  /** By the newest snapshot that holds each, newest first. */
  readonly versions: readonly FileVersion[];
  /** Snapshots in which nothing lies under this path, newest first. */
  readonly absentFrom: readonly StoredSnapshot[];
}

const LOADS_AT_ONCE = 8;

/**
 * What `path`, which names at least one entry, has been in `snapshots`. Goes down level by level: snapshots that share
 * a tree share the way from there on, so that no tree is loaded twice. Throws `damaged_repository`.
 */
export async function fileVersions(
  browsed: BrowsedRepository,
  snapshots: readonly StoredSnapshot[],
  path: SnapshotPath,
  { signal }: FileCallOptions = {},
): Promise<FileVersions> {
  const newestFirst = snapshots.toSorted((a, b) =>
    a.timeNs === b.timeNs ? 0 : a.timeNs > b.timeNs ? -1 : 1,
  );
  let trees = new Map<StoredSnapshot, string>(newestFirst.map((snapshot) => [snapshot, snapshot.tree]));
  let nodes = new Map<StoredSnapshot, Node>();
  for (const name of path) {
    const found = await entriesCalled(browsed, new Set(trees.values()), name, signal);
    nodes = new Map();
    const deeper = new Map<StoredSnapshot, string>();
    for (const [snapshot, tree] of trees) {
      const node = found.get(tree);
      if (node === undefined) continue;
      nodes.set(snapshot, node);
      const subtree = subtreeOf(node);
      if (subtree !== undefined) deeper.set(snapshot, subtree);
    }
    trees = deeper;
  }
  return { versions: versionsOf(nodes), absentFrom: newestFirst.filter((snapshot) => !nodes.has(snapshot)) };
}

async function entriesCalled(
  browsed: BrowsedRepository,
  trees: ReadonlySet<string>,
  name: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Map<string, Node>> {
  const found = new Map<string, Node>();
  await inParallel(trees, LOADS_AT_ONCE, async (id) => {
    const node = entryCalled(await loadTree(browsed, id, { signal }), id, name);
    if (node !== undefined) found.set(id, node);
  });
  return found;
}

function versionsOf(nodes: ReadonlyMap<StoredSnapshot, Node>): FileVersion[] {
  const versions = new Map<string, { node: Node; snapshots: StoredSnapshot[] }>();
  for (const [snapshot, node] of nodes) {
    const content = contentOf(node);
    const version = versions.get(content);
    if (version === undefined) versions.set(content, { node, snapshots: [snapshot] });
    else version.snapshots.push(snapshot);
  }
  return [...versions.values()];
}

/** The same for nodes of the same kind and content. */
function contentOf({ type, content, subtree, linkTarget, device }: Node): string {
  const ids = hash('sha256', (content ?? []).join());
  return `${type} ${ids} ${subtree ?? ''} ${linkTarget?.toString('hex') ?? ''} ${device ?? ''}`;
}
