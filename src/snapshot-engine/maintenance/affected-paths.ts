import type { BlobIndex } from '../blob-index/blob-index.js';
import { RepositoryError } from '../errors/repository-error.js';
import { BlobLoader } from '../repository/blob-loader.js';
import type { Snapshot } from '../snapshot/snapshot.js';
import type { Node } from '../snapshot/node.js';
import { nodesIn } from '../snapshot/tree.js';
import type { SufferingBlob } from './check-problem.js';
import type { MaintainedRepository } from './maintained-repository.js';
import { RowBits } from './row-bits.js';

/** A path of a snapshot that cannot be restored as it was. */
export interface AffectedPath {
  readonly snapshotId: string;
  /** From the root of the snapshot, with slashes; bytes that are not UTF-8 are replaced. */
  readonly path: string;
}

/** More are not listed: the list is for people. */
export const MAX_AFFECTED_PATHS = 1_000;

/** Directories deeper than this are not looked into; no file system has them. */
const MAX_DEPTH = 4_096;

/**
 * Which paths of which snapshots need one of the blobs that cannot be had. Trees that need none are looked into once,
 * however many snapshots share them.
 */
export async function affectedPaths(
  repository: MaintainedRepository,
  index: BlobIndex,
  snapshots: ReadonlyMap<string, Snapshot>,
  lost: readonly SufferingBlob[],
  signal?: AbortSignal,
): Promise<AffectedPath[]> {
  const search = new Search(repository, index, lost, signal);
  for (const [snapshotId, { tree }] of snapshots) {
    if (search.isFull) break;
    await search.look(snapshotId, tree, '', 0);
  }
  return search.found;
}

class Search {
  readonly found: AffectedPath[] = [];
  readonly #loader: BlobLoader;
  readonly #index: BlobIndex;
  readonly #lost: ReadonlySet<string>;
  readonly #signal: AbortSignal | undefined;
  /** Trees below which all is as it was. */
  readonly #sound = new RowBits();

  constructor(
    { files, cipher }: MaintainedRepository,
    index: BlobIndex,
    lost: readonly SufferingBlob[],
    signal: AbortSignal | undefined,
  ) {
    this.#loader = new BlobLoader(files, cipher);
    this.#index = index;
    this.#lost = new Set(lost.map(({ type, id }) => `${type} ${id}`));
    this.#signal = signal;
  }

  get isFull(): boolean {
    return this.found.length >= MAX_AFFECTED_PATHS;
  }

  /** Whether all below is as it was. */
  async look(snapshotId: string, treeId: string, path: string, depth: number): Promise<boolean> {
    const row = this.#index.rowOf('tree', treeId);
    if (row !== -1 && this.#sound.has(row)) return true;
    this.#signal?.throwIfAborted();
    const nodes = depth > MAX_DEPTH ? undefined : await this.#nodesOf(treeId);
    if (nodes === undefined) {
      this.#add(snapshotId, path || '/');
      return false;
    }
    let isSound = true;
    for (const node of nodes) {
      const nodePath = `${path}/${node.name.toString()}`;
      if (!(await this.#lookAt(snapshotId, node, nodePath, depth))) isSound = false;
    }
    if (isSound && row !== -1 && !this.isFull) this.#sound.add(row);
    return isSound;
  }

  async #lookAt(snapshotId: string, node: Node, path: string, depth: number): Promise<boolean> {
    const isHurt = node.content?.some((id) => this.#lost.has(`data ${id}`)) ?? false;
    if (isHurt) this.#add(snapshotId, path);
    if (node.subtree === undefined || this.isFull) return !isHurt;
    return this.look(snapshotId, node.subtree, path, depth + 1);
  }

  async #nodesOf(treeId: string): Promise<Node[] | undefined> {
    if (this.#lost.has(`tree ${treeId}`)) return undefined;
    try {
      const bytes = await this.#loader.load('tree', treeId, this.#index, { signal: this.#signal });
      return Array.from(nodesIn(bytes, `Tree ${treeId}`, () => undefined));
    } catch (error) {
      if (error instanceof RepositoryError) return undefined;
      throw error;
    }
  }

  #add(snapshotId: string, path: string): void {
    if (!this.isFull) this.found.push({ snapshotId, path });
  }
}
