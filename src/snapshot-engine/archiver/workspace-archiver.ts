import { cancellable, throwIfCancelled } from '../errors/cancellation.js';
import { entryStatus } from '../filesystem/entry-status.js';
import type { Snapshot } from '../snapshot/snapshot.js';
import {
  finishArchive,
  startOf,
  unchangedArchive,
  type ArchiveSettings,
  type StartedArchive,
} from './archive.js';
import type { ArchiveResult } from './archive-result.js';
import { runArchive } from './archive-run.js';
import type { ChangeWatcher, OpenWatcher, UnknownReason } from './change-watcher.js';
import { ChangedEntries } from './changed-entries.js';
import type { PreviousDirectory } from './directory-record.js';
import { InotifyWatcher } from './inotify-watcher.js';
import { PendingChanges } from './pending-changes.js';
import { findPreviousWorkspace } from './previous-workspace.js';
import type { ResidentDirectory } from './resident-directory.js';
import { planVisits, VISIT_ALL, type Visit } from './visit-plan.js';
import type { WalkTally } from './walk-tally.js';

export interface WorkspaceArchiverOptions extends ArchiveSettings {
  /** Snapshot of the same workspace and layout that the first run is compared with. */
  readonly parent?: { readonly id: string; readonly snapshot: Snapshot };
  /** The kernel's inotify when absent. */
  readonly openWatcher?: OpenWatcher;
  /** Everything is looked at after this time, whatever the watcher says. */
  readonly fullWalkIntervalMs?: number;
}

/** Why everything was looked at. `hard_links`: where the other links of a file are, only a walk can tell. */
export type FullWalkReason = 'first' | 'requested' | 'interval' | 'clock_step' | 'hard_links' | UnknownReason;

export interface WorkspaceResult extends ArchiveResult {
  readonly fullWalkReason: FullWalkReason | undefined;
  /** Changed directories that a full walk found and the watcher had not told. 0 when the watcher can be relied on. */
  readonly missedChanges: number;
  /** A sentence for the operator while changes cannot be watched. */
  readonly watcherProblem: string | undefined;
}

export interface WorkspaceRunOptions {
  readonly signal?: AbortSignal;
  /** Look at everything. */
  readonly full?: boolean;
}

const DEFAULT_FULL_WALK_INTERVAL_MS = 60 * 60_000;
/** Between two runs the wall clock and the steady one may differ by so much. */
const MAX_CLOCK_DRIFT_MS = 2_000;

/**
 * A file that changes through one of its hard links is told for that link only, so the others are looked at whenever
 * anything changed. Where they lie in more directories, that would be no better than a full walk.
 */
const MAX_LINKED_DIRECTORIES = 256;

/** What the last successful run leaves behind. */
interface LastRun {
  readonly snapshot: string | undefined;
  /** Root tree of the snapshot. */
  readonly tree: string;
  readonly workspace: Buffer;
  /** Mode and owners of the workspace's directory. */
  readonly root: string;
  readonly resident: ResidentDirectory;
  readonly startNs: bigint;
  readonly wallMs: number;
  readonly steadyMs: number;
}

interface Base extends Partial<Pick<LastRun, 'snapshot' | 'tree' | 'root'>> {
  readonly previous?: PreviousDirectory;
  readonly startNs: bigint;
}

/**
 * Archives one workspace again and again. The first run looks at everything; later ones look at what a watcher tells,
 * and take all else from the trees of the last run, which stay in memory. Runs of one archiver follow one another.
 */
export class WorkspaceArchiver {
  readonly #options: WorkspaceArchiverOptions;
  readonly #pending = new PendingChanges();
  #watcher: ChangeWatcher | undefined;
  #last: LastRun | undefined;
  #linked = new ChangedEntries();
  #lastFullWalkMs = 0;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: WorkspaceArchiverOptions) {
    this.#options = options;
  }

  /**
   * One snapshot, if anything has changed. Fails as `archive` does; the next run then does what this one has not. A
   * run that begins while another is under way waits for it.
   */
  async run(options: WorkspaceRunOptions = {}): Promise<WorkspaceResult> {
    const before = this.#running;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#running = promise;
    await before;
    try {
      return await this.#run(options);
    } finally {
      resolve();
    }
  }

  /** Forgets the last run: the next one looks at everything, and at the repository anew. */
  forget(): void {
    this.#last = undefined;
  }

  /** Ends the watcher, after a run that is under way. */
  async close(): Promise<void> {
    await this.#running;
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#last = undefined;
  }

  async #run({
    signal = new AbortController().signal,
    full = false,
  }: WorkspaceRunOptions): Promise<WorkspaceResult> {
    throwIfCancelled('archive', signal);
    const started = startOf(this.#options);
    const watcher = this.#watch(started.workspace);
    // Before anything is read: what changes from here on, the next run is told.
    this.#pending.add(watcher.take());
    const reason = this.#fullWalkReason(started, full);
    const visit = reason === undefined ? this.#planVisits() : VISIT_ALL;
    if (visit === undefined) return this.#result(unchangedArchive(started, this.#last!.tree), undefined, 0);
    return cancellable('archive', signal, () => this.#visit(started, visit, reason, watcher, signal));
  }

  #planVisits(): Visit | undefined {
    const { entries: pending, subtrees } = this.#pending;
    if (pending.size + subtrees.size === 0) return undefined;
    const entries = new ChangedEntries();
    entries.addAll(pending);
    if (this.#linked.size <= MAX_LINKED_DIRECTORIES) entries.addAll(this.#linked);
    return planVisits({ entries, subtrees });
  }

  async #visit(
    started: StartedArchive,
    visit: Visit,
    reason: FullWalkReason | undefined,
    watcher: ChangeWatcher,
    signal: AbortSignal,
  ): Promise<WorkspaceResult> {
    const base = await this.#base(started, signal);
    const root = rootMark(started.workspace);
    const outcome = await runArchive({
      ...started.request,
      previous: base.previous,
      previousStartNs: base.startNs,
      rootChanged: base.root !== undefined && base.root !== root,
      visit,
      keepTrees: true,
      signal,
      beforeListing: (path) => watcher.watch(path),
      onProgress: this.#options.onProgress,
    });
    if (reason === undefined && outcome.tally.newlyLinked && this.#linked.size <= MAX_LINKED_DIRECTORIES) {
      return this.#visit(started, VISIT_ALL, 'hard_links', watcher, signal);
    }
    const walk = reason === undefined ? 'changes' : 'full';
    const result = await finishArchive(this.#options, started, outcome, base.snapshot, walk, signal);
    const compare = reason !== undefined && reason !== 'hard_links' && this.#last !== undefined;
    this.#last = {
      snapshot: result.snapshot ?? base.snapshot,
      tree: outcome.tree ?? base.tree ?? outcome.workspace.tree,
      resident: outcome.workspace.resident!,
      root,
      workspace: started.workspace,
      startNs: started.request.startNs,
      wallMs: this.#options.now(),
      steadyMs: performance.now(),
    };
    if (reason !== undefined) this.#lastFullWalkMs = performance.now();
    if (reason !== undefined) this.#linked.clear();
    this.#linked.addAll(outcome.tally.linkedEntries);
    const missed = this.#settle(outcome.tally, watcher, compare);
    return this.#result(result, reason, missed);
  }

  /** What the run is compared with: the last one, the parent snapshot, or nothing. */
  async #base({ enclosing }: StartedArchive, signal: AbortSignal): Promise<Base> {
    const { parent, target } = this.#options;
    if (this.#last !== undefined) {
      const { resident } = this.#last;
      return { ...this.#last, previous: { tree: resident.tree, resident } };
    }
    if (parent === undefined) return { startNs: 0n };
    const { timeNs, tree } = parent.snapshot;
    const previous = await findPreviousWorkspace(target, tree, enclosing, signal);
    return { previous, startNs: timeNs, snapshot: parent.id, tree };
  }

  /** What remains for the next run; answers how many changes of a full walk had not been told. */
  #settle(tally: WalkTally, watcher: ChangeWatcher, compare: boolean): number {
    const meanwhile = watcher.take();
    const told = this.#pending.unknown === undefined && meanwhile.known;
    const known = new PendingChanges();
    known.add(meanwhile);
    const untold = (path: string) => !this.#pending.explains(path) && !known.explains(path);
    const missed = compare && told ? Array.from(tally.changedDirectories).filter(untold).length : 0;
    this.#pending.settle(tally.racyEntries);
    if (tally.overflown) this.#pending.unknown = 'too_many_changes';
    this.#pending.add(meanwhile);
    return missed;
  }

  #fullWalkReason({ workspace }: StartedArchive, requested: boolean): FullWalkReason | undefined {
    const last = this.#last;
    if (last === undefined || !last.workspace.equals(workspace)) return 'first';
    if (requested) return 'requested';
    if (this.#pending.unknown !== undefined) return this.#pending.unknown;
    const steadyMs = performance.now();
    const drift = this.#options.now() - last.wallMs - (steadyMs - last.steadyMs);
    if (Math.abs(drift) > MAX_CLOCK_DRIFT_MS) return 'clock_step';
    const { fullWalkIntervalMs = DEFAULT_FULL_WALK_INTERVAL_MS } = this.#options;
    return steadyMs - this.#lastFullWalkMs >= fullWalkIntervalMs ? 'interval' : undefined;
  }

  /** A watcher that has failed is replaced when the next full walk would be due: it may work again. */
  #watch(workspace: Buffer): ChangeWatcher {
    const { openWatcher = (path) => new InotifyWatcher(path), fullWalkIntervalMs } = this.#options;
    const due =
      performance.now() - this.#lastFullWalkMs >= (fullWalkIntervalMs ?? DEFAULT_FULL_WALK_INTERVAL_MS);
    const moved = this.#last !== undefined && !this.#last.workspace.equals(workspace);
    if (moved || (due && this.#watcher?.problem !== undefined)) {
      this.#watcher?.close();
      this.#watcher = undefined;
      this.#pending.unknown = 'watcher_failed';
    }
    this.#watcher ??= openWatcher(workspace);
    return this.#watcher;
  }

  #result(
    result: ArchiveResult,
    fullWalkReason: FullWalkReason | undefined,
    missedChanges: number,
  ): WorkspaceResult {
    return { ...result, fullWalkReason, missedChanges, watcherProblem: this.#watcher?.problem };
  }
}

/** What of the workspace's own directory stands in no tree of its own. */
function rootMark(workspace: Buffer): string {
  const { mode, uid, gid } = entryStatus(workspace);
  return `${mode}:${uid}:${gid}`;
}
