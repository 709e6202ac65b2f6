import { cancellable } from '../errors/cancellation.js';
import type { ProgressListener } from '../progress/progress.js';
import type { Snapshot } from '../snapshot/snapshot.js';
import type { SnapshotSummary } from '../snapshot/snapshot-summary.js';
import type { Workers } from '../workers/worker-service.js';
import { DEFAULT_POLICY, type ArchivePolicy } from './archive-policy.js';
import type { ArchiveResult } from './archive-result.js';
import { runArchive, type RunOutcome, type RunRequest } from './archive-run.js';
import type { ArchiveTarget } from './archive-target.js';
import { DEFAULT_UNLISTED_LIMITS } from './index-saves.js';
import { DEFAULT_UPLOAD_LIMITS, type UploadLimits } from './pack-uploads.js';
import { StoredBlobs } from './stored-blobs.js';
import { findPreviousWorkspace } from './previous-workspace.js';
import { VISIT_ALL } from './visit-plan.js';
import { WalkTally } from './walk-tally.js';
import { enclosingDirectories, resolveWorkspace, type TreeLayout } from './workspace-root.js';

/** What stands in a snapshot besides the tree. */
export interface SnapshotOrigin {
  readonly hostname: string;
  readonly username: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly tags?: readonly string[];
  /** What writes it, e.g. `stowage 1.0.0`. */
  readonly programVersion?: string;
}

export interface ArchiveSettings {
  readonly target: ArchiveTarget;
  readonly workers: Workers;
  /** An existing directory; symbolic links to it are resolved. */
  readonly workspace: string | Buffer;
  readonly layout?: TreeLayout;
  readonly policy?: ArchivePolicy;
  readonly origin: SnapshotOrigin;
  readonly limits?: UploadLimits;
  /** Packs of so many bytes are stored before index files list them, which is what an interruption may cost. */
  readonly maxUnlistedBytes?: number;
  readonly onProgress?: ProgressListener;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export interface ArchiveOptions extends ArchiveSettings {
  /** An earlier snapshot of the workspace with the same layout: what did not change since is not read. */
  readonly parent?: { readonly id: string; readonly snapshot: Snapshot };
  readonly signal?: AbortSignal;
}

/**
 * Stores a directory as a snapshot. Rejects with `workspace_unreadable` when it is missing or cannot be listed,
 * `cancelled` after an abort, and StorageErrors; nothing is visible of the snapshot then. Files that cannot be read do
 * not fail it: they are `problems`, and the result is `partial`.
 */
export async function archive(options: ArchiveOptions): Promise<ArchiveResult> {
  const { target, parent, signal = new AbortController().signal } = options;
  const started = startOf(options);
  const { enclosing } = started;
  return cancellable('archive', signal, async () => {
    const previous = parent && (await findPreviousWorkspace(target, parent.snapshot.tree, enclosing, signal));
    const outcome = await runArchive({
      ...started.request,
      previous,
      previousStartNs: parent?.snapshot.timeNs ?? 0n,
      rootChanged: false,
      visit: VISIT_ALL,
      keepTrees: false,
      signal,
      beforeListing: () => undefined,
      onProgress: options.onProgress,
    });
    return finishArchive(options, started, outcome, parent?.id, 'full', signal);
  });
}

/** What is fixed when a run begins. */
export interface StartedArchive {
  readonly workspace: Buffer;
  readonly enclosing: readonly Buffer[];
  readonly startedAt: number;
  readonly requestsBefore: number;
  readonly request: Pick<
    RunRequest,
    'target' | 'workers' | 'policy' | 'limits' | 'unlisted' | 'startNs' | 'workspace' | 'enclosing'
  >;
}

/** Throws `workspace_unreadable`. */
export function startOf(settings: ArchiveSettings): StartedArchive {
  const {
    target,
    workers,
    policy = DEFAULT_POLICY,
    limits = DEFAULT_UPLOAD_LIMITS,
    maxUnlistedBytes: maxBytes = DEFAULT_UNLISTED_LIMITS.maxBytes,
    layout = 'absolute',
  } = settings;
  const workspace = resolveWorkspace(settings.workspace);
  const enclosing = enclosingDirectories(workspace, layout);
  const startNs = nanoseconds(settings.now());
  const unlisted = { ...DEFAULT_UNLISTED_LIMITS, maxBytes };
  return {
    workspace,
    enclosing,
    startedAt: performance.now(),
    requestsBefore: target.requests,
    request: { target, workers, policy, limits, unlisted, startNs, workspace, enclosing },
  };
}

/** Writes the snapshot, unless nothing has changed. */
export async function finishArchive(
  settings: ArchiveSettings,
  started: StartedArchive,
  outcome: RunOutcome,
  parent: string | undefined,
  walk: ArchiveResult['walk'],
  signal: AbortSignal,
): Promise<ArchiveResult> {
  const { target, origin, now, policy = DEFAULT_POLICY } = settings;
  const { tree, tally, workspace } = outcome;
  const { startNs } = started.request;
  const summary = summaryOf(outcome, startNs, nanoseconds(now()));
  const snapshot =
    tree === undefined
      ? undefined
      : await target.commit(
          {
            ...origin,
            timeNs: startNs,
            parent,
            tree,
            paths: [started.workspace.toString()],
            excludes: policy.excludes,
            summary,
          },
          {
            signal,
            problems: tally.problems,
            problemCount: tally.problemCount,
            requests: target.requests - started.requestsBefore,
          },
        );
  return {
    status: tally.problemCount > 0 ? 'partial' : snapshot === undefined ? 'unchanged' : 'complete',
    snapshot,
    tree: tree ?? workspace.tree,
    summary,
    problems: tally.problems,
    problemCount: tally.problemCount,
    excluded: tally.entries.excluded,
    requests: target.requests - started.requestsBefore,
    durationMs: performance.now() - started.startedAt,
    walk,
  };
}

/** When nobody has told a change. */
export function unchangedArchive(started: StartedArchive, tree: string): ArchiveResult {
  const { startNs } = started.request;
  return {
    status: 'unchanged',
    snapshot: undefined,
    tree,
    summary: summaryOf({ tally: new WalkTally(), stored: new StoredBlobs() }, startNs, startNs),
    problems: [],
    problemCount: 0,
    excluded: 0,
    requests: 0,
    durationMs: performance.now() - started.startedAt,
    walk: 'changes',
  };
}

function summaryOf(
  { tally, stored }: Pick<RunOutcome, 'tally' | 'stored'>,
  backupStartNs: bigint,
  backupEndNs: bigint,
): SnapshotSummary {
  const { filesNew, filesChanged, filesUnmodified } = tally.entries;
  return {
    backupStartNs,
    backupEndNs,
    filesNew,
    filesChanged,
    filesUnmodified,
    dirsNew: tally.dirsNew,
    dirsChanged: tally.dirsChanged,
    dirsUnmodified: tally.dirsUnmodified,
    dataBlobs: stored.dataBlobs,
    treeBlobs: stored.treeBlobs,
    dataAddedBytes: stored.addedBytes,
    dataAddedPackedBytes: stored.packedBytes,
    totalFilesProcessed: tally.totalFiles,
    totalBytesProcessed: tally.totalBytes,
  };
}

/** Date.now() has no more than milliseconds. */
function nanoseconds(milliseconds: number): bigint {
  return BigInt(Math.round(milliseconds * 1_000)) * 1_000n;
}
