import type { BlobIndex } from '../blob-index/blob-index.js';
import { loadTree, type BrowsedRepository } from './browsed-repository.js';

/** A directory that waits, with one tree for each snapshot that is looked at; `undefined` where it is not there. */
export interface WaitingDirectory {
  readonly trees: readonly (string | undefined)[];
}

type Loaded = readonly (Buffer | undefined)[];

/** Directories whose trees are fetched while another is looked at. */
const READ_AHEAD = 8;
/** Larger trees are fetched when their turn comes, one at a time. */
const MAX_READ_AHEAD_BYTES = 1_024 * 1_024;

/**
 * Directories to look into, the one added last first: what waits is at most the siblings along one path, however deep
 * the tree, and neither the stack nor more than a few trees are held.
 */
export class TreeQueue<Directory extends WaitingDirectory> {
  readonly #browsed: BrowsedRepository;
  readonly #signal: AbortSignal | undefined;
  readonly #waiting: Directory[] = [];
  readonly #loading = new Map<Directory, Promise<Loaded>>();

  constructor(browsed: BrowsedRepository, signal: AbortSignal | undefined) {
    this.#browsed = browsed;
    this.#signal = signal;
  }

  /** The first of them is the next. */
  add(directories: readonly Directory[]): void {
    for (let i = directories.length - 1; i >= 0; i--) this.#waiting.push(directories[i]!);
  }

  async next(): Promise<{ readonly directory: Directory; readonly trees: Loaded } | undefined> {
    this.#signal?.throwIfAborted();
    const directory = this.#waiting.pop();
    if (directory === undefined) return undefined;
    const loading = this.#loading.get(directory) ?? this.#load(directory);
    this.#loading.delete(directory);
    this.#readAhead();
    return { directory, trees: await loading };
  }

  #readAhead(): void {
    const { index } = this.#browsed;
    for (const directory of this.#waiting.slice(-READ_AHEAD)) {
      if (this.#loading.size >= READ_AHEAD) return;
      if (this.#loading.has(directory) || !directory.trees.every((id) => isSmall(index, id))) continue;
      const loading = this.#load(directory);
      this.#loading.set(directory, loading);
      // Its failure is heard when its turn comes, which may be never.
      loading.catch(() => undefined);
    }
  }

  #load({ trees }: Directory): Promise<Loaded> {
    const options = { signal: this.#signal };
    return Promise.all(
      trees.map(async (id) => (id === undefined ? undefined : loadTree(this.#browsed, id, options))),
    );
  }
}

function isSmall(index: BlobIndex, id: string | undefined): boolean {
  if (id === undefined) return true;
  const row = index.rowOf('tree', id);
  return row !== -1 && index.plaintextBytesOf(row) <= MAX_READ_AHEAD_BYTES;
}
