import type { RunReport } from '../../agent-protocol/messages.js';

/** What is known of a workspace before its reports are taken in. */
export interface KnownRun {
  readonly workspaceId: string;
  /** Of the last report that was taken in. */
  readonly lastRunId: string | null;
  readonly lastStatus: RunReport['status'] | null;
  readonly requestedRunId: string | null;
}

/** The reports of one workspace, as its row takes them in. */
export interface FoldedRuns {
  readonly workspaceId: string;
  /** Of which this is the continuation: when the row knows another by then, somebody was faster. */
  readonly afterRunId: string | null;
  readonly last: RunReport;
  readonly lastAtMs: number;
  /** Each run that says that the workspace is as a snapshot, or as the newest one. */
  readonly durable: readonly DurableRun[];
  readonly runs: number;
  readonly failedRuns: number;
  readonly skippedRuns: number;
  readonly missedChanges: number;
  /** Of runs without a snapshot: a commit has counted its run's already. */
  readonly requests: number;
  /** The one that was asked for. */
  readonly requested: RunReport | undefined;
  /** The first failure after runs that did not fail: what is told, once and not every 30 seconds. */
  readonly firstFailure: RunReport | undefined;
}

export interface DurableRun {
  readonly startedAtMs: number;
  /** The snapshot's object; undefined: nothing had changed since the newest one. */
  readonly snapshot: string | undefined;
}

/** A host's word on how long ago something was is believed this far. */
const MAX_AGO_MS = 6 * 3_600_000;

/**
 * Takes in the reports of one workspace, in the order in which they were made. A heartbeat that is sent again, because
 * its answer was lost, repeats reports: all up to the last one that the row knows count no second time.
 * @param reports of this workspace
 * @returns undefined when there is nothing new
 */
export function foldRuns(
  known: KnownRun,
  reports: readonly RunReport[],
  nowMs: number,
): FoldedRuns | undefined {
  const knownUntil = reports.findLastIndex(({ run_id }) => run_id === known.lastRunId);
  const fresh = reports.slice(knownUntil + 1);
  const last = fresh.at(-1);
  if (last === undefined) return undefined;
  const sum = (value: (run: RunReport) => number): number =>
    fresh.reduce((total, run) => total + value(run), 0);
  const failed = fresh.filter(({ status }) => status === 'failed');
  const statusBefore = (run: RunReport) => fresh[fresh.indexOf(run) - 1]?.status ?? known.lastStatus;
  return {
    workspaceId: known.workspaceId,
    afterRunId: known.lastRunId,
    last,
    lastAtMs: Math.min(nowMs, startedAtMs(last, nowMs) + last.duration_ms),
    durable: fresh.flatMap((run) => durableOf(run, nowMs)),
    runs: fresh.length,
    failedRuns: failed.length,
    skippedRuns: sum((run) => run.skipped_runs),
    missedChanges: sum((run) => run.missed_changes),
    requests: sum((run) => (run.snapshot === undefined ? run.requests : 0)),
    requested: fresh.findLast(
      ({ requested_run_id }) => requested_run_id !== undefined && requested_run_id === known.requestedRunId,
    ),
    firstFailure: failed.find((run) => statusBefore(run) !== 'failed'),
  };
}

function durableOf(run: RunReport, nowMs: number): DurableRun[] {
  if (run.status === 'failed') return [];
  if (run.status !== 'unchanged' && run.snapshot === undefined) return [];
  return [
    { startedAtMs: startedAtMs(run, nowMs), snapshot: run.status === 'unchanged' ? undefined : run.snapshot },
  ];
}

function startedAtMs(run: RunReport, nowMs: number): number {
  return nowMs - Math.min(run.started_ms_ago, MAX_AGO_MS);
}
