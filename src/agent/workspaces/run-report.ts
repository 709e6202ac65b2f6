import { randomUUID } from 'node:crypto';
import { codeOf, sentenceOf } from '../agent-error.js';
import { namedProblems } from './commit-request.js';
import type { WaitingReport } from './waiting-reports.js';
import type { FinishedRun } from './workspace-session.js';

/** Longer ones would be cut off where they are shown. */
const MAX_DETAIL_LENGTH = 1_000;
/** Of an error that nobody foresaw. */
const UNFORESEEN = 'internal_error';

export function finishedReport(
  workspaceId: string,
  { runId, startedAtMs, result }: FinishedRun,
): WaitingReport {
  const { status, snapshot, problems, problemCount, watcherProblem } = result;
  return {
    workspace_id: workspaceId,
    run_id: runId,
    status,
    ...(snapshot !== undefined && { snapshot }),
    startedAtMs,
    duration_ms: Math.round(performance.now() - startedAtMs),
    // The engine counts the commit with them.
    requests: Math.max(0, result.requests - (snapshot === undefined ? 0 : 1)),
    walk: result.walk,
    missed_changes: result.missedChanges,
    ...(watcherProblem !== undefined && { watcher_problem: watcherProblem }),
    problem_count: problemCount,
    problems: namedProblems(problems),
    skipped_runs: 0,
  };
}

export function failedReport(workspaceId: string, startedAtMs: number, error: unknown): WaitingReport {
  return {
    workspace_id: workspaceId,
    run_id: randomUUID(),
    status: 'failed',
    code: codeOf(error) ?? UNFORESEEN,
    detail: sentenceOf(error).slice(0, MAX_DETAIL_LENGTH),
    startedAtMs,
    duration_ms: Math.round(performance.now() - startedAtMs),
    requests: 0,
    walk: 'changes',
    missed_changes: 0,
    problem_count: 0,
    problems: [],
    skipped_runs: 0,
  };
}
