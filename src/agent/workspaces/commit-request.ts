import type { CommitRequest, NamedProblem, RunSummary } from '../../agent-protocol/messages.js';
import { MAX_NAMED_PROBLEMS } from '../../agent-protocol/protocol.js';
import type { ArchiveProblem, CommitFacts, Snapshot } from '../../snapshot-engine/index.js';

/** Reasons and paths are for people; whole lines of a report would not be shown anyway. */
const MAX_PATH_LENGTH = 1_024;

/** What of a commit does not come from the engine. */
export interface CommitContext extends Pick<
  CommitRequest,
  'workspace_id' | 'fencing' | 'run_id' | 'generation' | 'files'
> {
  /** By the clock that never steps. */
  readonly startedAtMs: number;
  readonly nowMs: number;
}

export function commitRequest(snapshot: Snapshot, facts: CommitFacts, context: CommitContext): CommitRequest {
  const { startedAtMs, nowMs, ...named } = context;
  return {
    ...named,
    tree: snapshot.tree,
    parent: snapshot.parent ?? null,
    hostname: snapshot.hostname ?? '',
    username: snapshot.username ?? '',
    excludes: snapshot.excludes ?? [],
    summary: runSummary(snapshot.summary!),
    problem_count: facts.problemCount,
    problems: namedProblems(facts.problems),
    requests: facts.requests,
    started_ms_ago: Math.max(0, Math.round(nowMs - startedAtMs)),
  };
}

/** The first of them, as sentences of two words. */
export function namedProblems(problems: readonly ArchiveProblem[]): NamedProblem[] {
  return problems.slice(0, MAX_NAMED_PROBLEMS).map(({ path, reason, systemCode }) => ({
    path: shortened(path),
    reason: systemCode === undefined ? reason : `${reason} (${systemCode})`,
  }));
}

export function shortened(path: string): string {
  return path.length <= MAX_PATH_LENGTH ? path : `…${path.slice(1 - MAX_PATH_LENGTH)}`;
}

function runSummary(summary: NonNullable<Snapshot['summary']>): RunSummary {
  return {
    files_new: summary.filesNew,
    files_changed: summary.filesChanged,
    files_unmodified: summary.filesUnmodified,
    dirs_new: summary.dirsNew,
    dirs_changed: summary.dirsChanged,
    dirs_unmodified: summary.dirsUnmodified,
    data_blobs: summary.dataBlobs,
    tree_blobs: summary.treeBlobs,
    data_added: summary.dataAddedBytes,
    data_added_packed: summary.dataAddedPackedBytes,
    total_files_processed: summary.totalFilesProcessed,
    total_bytes_processed: summary.totalBytesProcessed,
  };
}
