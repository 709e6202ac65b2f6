import type { Readable } from 'node:stream';
import { cancellable, cancellableItems } from '../errors/cancellation.js';
import { RepositoryError } from '../errors/repository-error.js';
import type { FileCallOptions } from '../repository/repository-files.js';
import type { Node } from '../snapshot/node.js';
import type { StoredSnapshot } from '../snapshot/snapshot-list.js';
import type { Snapshot } from '../snapshot/snapshot.js';
import type { ProblemListener } from '../snapshot/tree.js';
import { raise, type BrowsedRepository } from './browsed-repository.js';
import { diffTrees, type SnapshotChange } from './diff-trees.js';
import { fileStream, readDisputedLengths, type FileStreamOptions } from './file-stream.js';
import { fileVersions, type FileVersions } from './file-versions.js';
import { findNode, findTree } from './find-node.js';
import { listDirectory, type DirectoryPage, type PageOptions } from './list-directory.js';
import { namePattern } from './name-pattern.js';
import { pathBelow, showPath, type SnapshotPath } from './snapshot-path.js';
import { walkTree } from './walk-tree.js';

export interface FindOptions extends FileCallOptions {
  /** Where to look; the root unless told. */
  readonly below?: SnapshotPath;
  /** Hears of damaged and unsafe entries, which are passed over; without it the first one is thrown. */
  readonly onProblem?: ProblemListener;
}

export interface FoundEntry {
  readonly path: readonly Buffer[];
  readonly node: Node;
}

type RootTree = Pick<Snapshot, 'tree'>;

/**
 * Looks into snapshots without restoring them: reads trees as they are asked for, writes nothing, follows no symbolic
 * link. Every method rejects with `damaged_repository` where the repository lacks or has altered what is needed, with
 * `cancelled` after an abort, and with StorageErrors.
 */
export class SnapshotBrowser {
  readonly #browsed: BrowsedRepository;

  /** The index must have been loaded after the snapshots were listed, and lose no packs meanwhile. */
  constructor(browsed: BrowsedRepository) {
    this.#browsed = browsed;
  }

  /** A page of the entries of a directory. Throws `path_not_found`. */
  async listDirectory(snapshot: RootTree, path: SnapshotPath, options?: PageOptions): Promise<DirectoryPage> {
    return reading(options, () => listDirectory(this.#browsed, snapshot.tree, path, options));
  }

  /** The entry under a path of at least one name. Throws `path_not_found`. */
  async findNode(snapshot: RootTree, path: SnapshotPath, options?: FileCallOptions): Promise<Node> {
    if (path.length === 0)
      throw new RepositoryError('path_not_found', 'The root of a snapshot is no entry.', '/');
    return reading(options, () => findNode(this.#browsed, snapshot.tree, path, options));
  }

  /**
   * A file's node (with its size) and content. Throws `path_not_found` for what is no file, too. After an abort the
   * stream ends as Node's streams do, with an `AbortError`.
   */
  async openFile(
    snapshot: RootTree,
    path: SnapshotPath,
    options: FileStreamOptions = {},
  ): Promise<{ readonly node: Node; readonly stream: Readable }> {
    const node = await this.findNode(snapshot, path, options);
    const lengths = await reading(options, () => readDisputedLengths(this.#browsed, node, options));
    return { node, stream: fileStream(this.#browsed, node, showPath(path), options, lengths) };
  }

  /** What a path has been in these snapshots. */
  async fileVersions(
    snapshots: readonly StoredSnapshot[],
    path: SnapshotPath,
    options?: FileCallOptions,
  ): Promise<FileVersions> {
    return reading(options, () => fileVersions(this.#browsed, snapshots, path, options));
  }

  /** What has changed from one snapshot to another; costs what differs, not what is the same. */
  diffSnapshots(
    before: RootTree,
    after: RootTree,
    options?: FileCallOptions,
  ): AsyncGenerator<SnapshotChange, void> {
    return cancellableItems(READING, options?.signal, () =>
      diffTrees(this.#browsed, before.tree, after.tree, options),
    );
  }

  /** Entries whose names match `pattern` (see `namePattern`), wherever they lie. */
  findFiles(
    snapshot: RootTree,
    pattern: string,
    options: FindOptions = {},
  ): AsyncGenerator<FoundEntry, void> {
    return cancellableItems(READING, options.signal, () => this.#findFiles(snapshot, pattern, options));
  }

  async *#findFiles(
    snapshot: RootTree,
    pattern: string,
    { below = [], onProblem = raise, signal }: FindOptions,
  ): AsyncGenerator<FoundEntry, void> {
    const matches = namePattern(pattern);
    const root = await findTree(this.#browsed, snapshot.tree, below, { signal });
    const start = below.map((name) => Buffer.from(name));
    for await (const { parent, node } of walkTree(this.#browsed, root, onProblem, { signal })) {
      if (matches(node.name)) yield { path: [...start, ...pathBelow(parent, node.name)], node };
    }
  }
}

const READING = 'reading of the snapshot';

function reading<T>(options: FileCallOptions | undefined, read: () => Promise<T>): Promise<T> {
  return cancellable(READING, options?.signal, read);
}
