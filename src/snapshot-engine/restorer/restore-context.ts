import type { RemoteService, Workers } from '../workers/worker-service.js';
import { readOwnerNames } from '../filesystem/owner-names.js';
import { BadPacks } from '../repository/bad-packs.js';
import { BlobFetcher } from './blob-fetcher.js';
import { BlobReader } from './blob-reader.js';
import { settleDisputedLengths } from './disputed-lengths.js';
import { compareFiles } from './file-comparer.js';
import { ContentResolver } from './file-content.js';
import { DEFAULT_RESTORE_LIMITS, type RestoreLimits, type RestoreOptions } from './restore-options.js';
import { makeRestorePlan, type RestorePlan } from './restore-plan.js';
import type { BlobLookup, RestoreSource } from './restore-source.js';
import type { RestoreWorkerInit } from './restore-worker.js';
import { Selection } from './selection.js';
import { readTarget } from './target-reader.js';
import type { TargetRoot } from './target-root.js';
import { EMPTY_TARGET, type TargetTree } from './target-tree.js';
import { TreeLoader } from './tree-loader.js';
import { EntryPolicy } from './wanted-entry.js';
import { readWantedTree, type WantedTree } from './wanted-tree.js';

/** The name under which the worker threads know the restore. */
export const RESTORE_SERVICE = 'restore';

interface PlanOptions {
  /** See `ReadTargetOptions`: a restore needs it, a mere plan must not. */
  readonly opensClosed?: boolean;
  readonly onEntries?: (count: number) => void;
}

/** What one restore, or one plan of it, works with. */
export class RestoreContext {
  readonly options: RestoreOptions;
  readonly limits: RestoreLimits;
  readonly index: BlobLookup;
  readonly fetcher: BlobFetcher;
  readonly content: ContentResolver;
  readonly workers: readonly RemoteService[];
  readonly badPacks = new BadPacks();
  readonly #reader: BlobReader;

  static async open(
    source: RestoreSource,
    index: BlobLookup,
    workers: Workers,
    root: TargetRoot | undefined,
    options: RestoreOptions,
  ): Promise<RestoreContext> {
    const init: RestoreWorkerInit = {
      masterKey: source.masterKey,
      sparse: options.sparse ?? true,
      ...(root && { root: root.fd }),
    };
    return new RestoreContext(source, index, await workers.open(RESTORE_SERVICE, init), options);
  }

  constructor(
    source: RestoreSource,
    index: BlobLookup,
    workers: readonly RemoteService[],
    options: RestoreOptions,
  ) {
    this.options = options;
    this.limits = { ...DEFAULT_RESTORE_LIMITS, ...options.limits };
    this.index = index;
    this.workers = workers;
    this.fetcher = new BlobFetcher(source, this.limits);
    this.content = new ContentResolver(index, this.limits.blobBytes);
    this.#reader = new BlobReader(this.fetcher, index, workers, this.badPacks);
  }

  /** Reads what is wanted and what is there, compares, plans; changes nothing, unless `opensClosed`. */
  async plan(
    rootTree: string,
    root: TargetRoot | undefined,
    { opensClosed = false, onEntries }: PlanOptions = {},
  ): Promise<RestorePlan> {
    const { options, content } = this;
    const wanted = await this.#wanted(rootTree, onEntries);
    await settleDisputedLengths(wanted.entries, this.index, this.#reader, content, options.signal);
    const target = await this.#target(root, wanted, opensClosed);
    // After a crash of the machine a name no longer proves that what it names reached the disk.
    const verify = root?.resumes === 'before-boot' ? 'content' : (options.verify ?? 'status');
    const reuse = await compareFiles(wanted.entries, target, content, this.workers, verify, options.signal);
    const mirror = options.into === 'in-place' && options.mirror === true;
    const selection = new Selection(options.from, options.paths);
    const isSelected = (path: string): boolean => selection.contains(path);
    const { entries, refused } = wanted;
    return makeRestorePlan({ wanted: entries, refused, target, reuse, verify, mirror, isSelected }, content);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.workers.map((worker) => worker.call('close', undefined)));
    await Promise.allSettled(this.workers.map((worker) => worker.close()));
  }

  #wanted(rootTree: string, onEntries?: (count: number) => void): Promise<WantedTree> {
    const { options, limits } = this;
    const names = options.owners === 'names' ? readOwnerNames() : undefined;
    return readWantedTree(new TreeLoader(this.#reader, this.index), rootTree, {
      selection: new Selection(options.from, options.paths),
      policy: new EntryPolicy(options, process.geteuid?.() === 0, names),
      maxEntries: limits.entries,
      ...(options.signal && { signal: options.signal }),
      ...(onEntries && { onEntries }),
    });
  }

  async #target(root: TargetRoot | undefined, wanted: WantedTree, opensClosed: boolean): Promise<TargetTree> {
    if (root === undefined || root.isEmpty) return EMPTY_TARGET;
    const directories = new Set(wanted.entries.filter(({ type }) => type === 'dir').map(({ path }) => path));
    const { mirror, signal } = this.options;
    // Nothing is closed to root.
    const options = {
      everything: mirror === true,
      opensClosed: opensClosed && process.geteuid?.() !== 0,
      signal,
    };
    return readTarget(root.fd, this.workers, directories, options);
  }
}
