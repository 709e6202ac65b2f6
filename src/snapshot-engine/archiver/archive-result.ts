import type { SnapshotSummary } from '../snapshot/snapshot-summary.js';
import type { ArchiveProblem } from './archive-problem.js';

/**
 * `complete`: everything is in the snapshot. `partial`: all but what `problems` name. `unchanged`: everything is as in
 * the previous snapshot, nothing was stored.
 */
export type ArchiveStatus = 'complete' | 'partial' | 'unchanged';

export interface ArchiveResult {
  readonly status: ArchiveStatus;
  /** Id of the new snapshot; `undefined` when nothing had changed, which can be so with the problems of last time. */
  readonly snapshot: string | undefined;
  /** Id of the snapshot's root tree. */
  readonly tree: string;
  readonly summary: SnapshotSummary;
  /** Up to `MAX_NAMED_PROBLEMS` of them. */
  readonly problems: readonly ArchiveProblem[];
  readonly problemCount: number;
  /** Entries that rules or their kind (sockets) left out. A directory counts once, whatever lies in it. */
  readonly excluded: number;
  /** Calls to the storage by this run. */
  readonly requests: number;
  readonly durationMs: number;
  /** How the workspace was looked at: all of it, or what had been told to have changed. */
  readonly walk: 'full' | 'changes';
}
