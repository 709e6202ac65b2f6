import type { RunReport } from '../../agent-protocol/messages.js';
import { MAX_REPORTS } from '../../agent-protocol/protocol.js';

/** A report whose age is worked out when it is sent. */
export type WaitingReport = Omit<RunReport, 'started_ms_ago'> & {
  /** By the clock that never steps. */
  readonly startedAtMs: number;
};

/** Of all workspaces together; a server that was away for longer learns of the newest. */
const MAX_WAITING = 1_000;

/** Ends of runs that the server has not heard of yet. What changed nothing is told once, however often it was. */
export class WaitingReports {
  #reports: WaitingReport[] = [];
  #dropped = 0;

  /** How many were given up because too many waited. */
  get dropped(): number {
    return this.#dropped;
  }

  add(report: WaitingReport): void {
    const before = this.#reports.findLastIndex((each) => each.workspace_id === report.workspace_id);
    const last = this.#reports[before];
    if (last !== undefined && isRepeated(last) && isRepeated(report)) {
      this.#reports.splice(before, 1);
      this.#reports.push({ ...report, ...sums(last, report) });
      return;
    }
    this.#reports.push(report);
    if (this.#reports.length > MAX_WAITING) {
      this.#reports.shift();
      this.#dropped += 1;
    }
  }

  /** The oldest, as they are told now. They wait until `settle` is called with them. */
  take(nowMs: number): { readonly reports: readonly RunReport[]; settle(): void } {
    const taken = this.#reports.slice(0, MAX_REPORTS);
    const reports = taken.map(({ startedAtMs, ...report }) => ({
      ...report,
      started_ms_ago: Math.max(0, Math.round(nowMs - startedAtMs)),
    }));
    const told = new Set(taken);
    return { reports, settle: () => (this.#reports = this.#reports.filter((report) => !told.has(report))) };
  }

  /** Nobody wants to hear of this workspace any longer. */
  forget(workspaceId: string): void {
    this.#reports = this.#reports.filter((report) => report.workspace_id !== workspaceId);
  }
}

function isRepeated({
  status,
  requested_run_id: requested,
  problem_count: problems,
}: WaitingReport): boolean {
  return status === 'unchanged' && requested === undefined && problems === 0;
}

function sums(
  last: WaitingReport,
  next: WaitingReport,
): Pick<RunReport, 'requests' | 'missed_changes' | 'skipped_runs'> {
  return {
    requests: last.requests + next.requests,
    missed_changes: last.missed_changes + next.missed_changes,
    skipped_runs: last.skipped_runs + next.skipped_runs,
  };
}
