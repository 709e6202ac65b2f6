import { setImmediate } from 'node:timers/promises';
import { RepositoryError } from '../errors/repository-error.js';
import { isEntryName } from '../filesystem/open-beneath.js';
import { compareNames, nodesIn } from '../snapshot/tree.js';
import type { Node } from '../snapshot/node.js';
import { throwIfCancelled } from '../errors/cancellation.js';
import { joinPath, nameOf, pathOf } from './raw-path.js';
import { MAX_PATH_BYTES } from './restore-options.js';
import { notFound, type Selected, type Selection } from './selection.js';
import { isReservedName } from './temporary-names.js';
import type { TreeLoader } from './tree-loader.js';
import type { EntryPolicy, Refusal, RefusalReason, WantedEntry } from './wanted-entry.js';

export interface WantedTree {
  /** Directories before what is in them. The target itself comes first where the snapshot knows it. */
  readonly entries: readonly WantedEntry[];
  readonly refused: readonly Refusal[];
}

export interface WantedTreeOptions {
  readonly selection: Selection;
  readonly policy: EntryPolicy;
  readonly maxEntries: number;
  readonly signal?: AbortSignal;
  /** Entries so far; called from time to time. */
  readonly onEntries?: (count: number) => void;
}

/** Nodes between two breaths of the event loop. */
const NODES_PER_TURN = 500;

/**
 * All that a restore of the tree `rootTree` wants, level by level: trees of one level are fetched together.
 * Throws `path_not_found`, and `unsafe_repository` when there are more entries than the limit.
 */
export async function readWantedTree(
  loader: TreeLoader,
  rootTree: string,
  options: WantedTreeOptions,
): Promise<WantedTree> {
  const reader = new WantedTreeReader(loader, options);
  await reader.read(rootTree);
  options.selection.assertFound();
  return reader;
}

/** A directory of the snapshot whose tree is still to be read. */
interface OpenDirectory {
  readonly path: string;
  readonly selected: Selected;
}

class WantedTreeReader implements WantedTree {
  readonly entries: WantedEntry[] = [];
  readonly refused: Refusal[] = [];
  readonly #loader: TreeLoader;
  readonly #options: WantedTreeOptions;
  #nodes = 0;

  constructor(loader: TreeLoader, options: WantedTreeOptions) {
    this.#loader = loader;
    this.#options = options;
  }

  async read(rootTree: string): Promise<void> {
    const { selection } = this.#options;
    const start = await this.#descend(rootTree, selection.from);
    let level = new Map<string, OpenDirectory[]>([[start, [{ path: '', selected: selection.root }]]]);
    while (level.size > 0) level = await this.#readLevel(level);
  }

  /** The tree of the directory that becomes the target. */
  async #descend(rootTree: string, from: string): Promise<string> {
    let tree = rootTree;
    const names = from === '' ? [] : from.split('/');
    for (const [index, name] of names.entries()) {
      const node = await this.#childOf(tree, name);
      if (node?.type !== 'dir' || node.subtree === undefined) throw notFound(from);
      tree = node.subtree;
      const { policy, selection } = this.#options;
      if (index === names.length - 1)
        this.entries.push(policy.entryOf(node, '', selection.root === 'ancestor'));
    }
    return tree;
  }

  async #childOf(tree: string, name: string): Promise<Node | undefined> {
    let found: Node | undefined;
    const wanted = Buffer.from(name, 'latin1');
    await this.#loader.load([tree], this.#options.signal, async (_id, plaintext) => {
      if (plaintext instanceof Error) throw plaintext;
      for (const node of nodesIn(plaintext, `Tree ${tree}`, ignored)) {
        if (compareNames(node.name, wanted) === 0) found ??= node;
      }
    });
    return found;
  }

  async #readLevel(
    level: ReadonlyMap<string, readonly OpenDirectory[]>,
  ): Promise<Map<string, OpenDirectory[]>> {
    const next = new Map<string, OpenDirectory[]>();
    await this.#loader.load(level.keys(), this.#options.signal, async (id, plaintext) => {
      for (const directory of level.get(id)!) {
        if (plaintext instanceof Error) {
          this.#refuse(directory.path, plaintext.name === 'MissingTree' ? 'missing_tree' : 'damaged_tree');
        } else {
          await this.#readDirectory(directory, id, plaintext, next);
        }
      }
    });
    return next;
  }

  async #readDirectory(
    directory: OpenDirectory,
    id: string,
    plaintext: Uint8Array,
    next: Map<string, OpenDirectory[]>,
  ): Promise<void> {
    const seen = new Set<string>();
    const nodes = nodesIn(plaintext, `Tree ${id}`, (problem) => {
      // Only what breaks the list off costs more than one entry; entries are judged one by one.
      if (problem.cause !== undefined) this.#refuse(directory.path, 'damaged_tree');
    });
    for (const node of nodes) {
      await this.#breathe();
      this.#readNode(node, directory, seen, next);
    }
  }

  #readNode(
    node: Node,
    directory: OpenDirectory,
    seen: Set<string>,
    next: Map<string, OpenDirectory[]>,
  ): void {
    const { selection, policy, maxEntries } = this.#options;
    const name = pathOf(node.name);
    const path = joinPath(directory.path, name);
    const selected = selection.of(directory.selected, directory.path, name);
    if (selected === 'outside') return;
    if (this.entries.length + this.refused.length >= maxEntries) throw tooMany(maxEntries);
    const reason = refusalOfName(node.name, path, seen) ?? policy.refusalOf(node);
    if (reason !== undefined) return this.#refuse(path, reason);
    seen.add(name);
    const isDirectory = node.type === 'dir';
    // A file cannot lead to what lies beneath it.
    if (selected === 'ancestor' && !isDirectory) return;
    this.entries.push(policy.entryOf(node, path, selected === 'ancestor'));
    if (!isDirectory) return;
    const same = next.get(node.subtree!);
    if (same === undefined) next.set(node.subtree!, [{ path, selected }]);
    else same.push({ path, selected });
  }

  #refuse(path: string, reason: RefusalReason): void {
    this.refused.push({ path: path.slice(0, MAX_PATH_BYTES), reason });
  }

  async #breathe(): Promise<void> {
    this.#nodes += 1;
    if (this.#nodes % NODES_PER_TURN !== 0) return;
    this.#options.onEntries?.(this.entries.length);
    await setImmediate();
    throwIfCancelled('restore', this.#options.signal);
  }
}

function refusalOfName(name: Buffer, path: string, seen: ReadonlySet<string>): RefusalReason | undefined {
  if (!isEntryName(name)) return 'unsafe_name';
  if (path.length > MAX_PATH_BYTES) return 'path_too_long';
  if (seen.has(nameOf(path))) return 'duplicate_name';
  return isReservedName(nameOf(path)) ? 'reserved_name' : undefined;
}

function tooMany(maxEntries: number): RepositoryError {
  return new RepositoryError(
    'unsafe_repository',
    `The snapshot claims more than ${maxEntries} entries; restore parts of it, or raise the limit if you trust it.`,
  );
}

function ignored(): void {}
