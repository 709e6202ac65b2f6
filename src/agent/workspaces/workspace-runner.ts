import type { DesiredWorkspace, LeaseHold } from '../../agent-protocol/messages.js';
import { codeOf, sentenceOf } from '../agent-error.js';
import type { HostServices } from '../host-services.js';
import { assertWithinBounds } from '../path-bounds.js';
import { retryDelayMs } from '../server-connection/retry-delay.js';
import type { RunSlots } from './run-slots.js';
import { failedReport, finishedReport } from './run-report.js';
import { dueBetween, nextDueMs, type Schedule } from './schedule.js';
import type { WaitingReport } from './waiting-reports.js';
import { WorkspaceSession } from './workspace-session.js';

export interface RunnerOptions {
  readonly services: HostServices;
  readonly slots: RunSlots;
  readonly onReport: (report: WaitingReport) => void;
}

/** While another host holds the lease it is asked for again after growing pauses, up to this one. */
const HELD_SPREAD = { baseMs: 5_000, maxMs: 60_000 };

/** What `status` tells of a workspace. */
export interface RunnerStatus {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly interval_seconds: number;
  readonly paused: boolean;
  readonly running: boolean;
  readonly progress?: {
    readonly files_done: number;
    readonly bytes_done: number;
    readonly current_path?: string;
  };
  readonly last_run?: {
    readonly status: WaitingReport['status'];
    readonly code?: string;
    readonly detail?: string;
    readonly ended_seconds_ago: number;
    readonly duration_ms: number;
    readonly requests: number;
  };
  /** Since the last run that left the bucket with all of the workspace's content. */
  readonly safe_seconds_ago?: number;
  readonly latest_snapshot: string | null;
  readonly skipped_runs: number;
  readonly watcher_problem?: string;
}

/**
 * Snapshots of one workspace on its schedule, one at a time. What is due while a run is under way is left out and
 * counted; what somebody asks for comes right after it.
 */
export class WorkspaceRunner {
  readonly #options: RunnerOptions;
  readonly #session: WorkspaceSession;
  readonly #ended = new AbortController();
  #desired: DesiredWorkspace;
  #schedule: Schedule;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  /** Runs up to this moment have been begun or counted. */
  #settledMs: number;
  #skipped = 0;
  #skippedInAll = 0;
  #answeredRequest: string | null = null;
  #waiters: ((report: WaitingReport) => void)[] = [];
  #held = { count: 0, untilMs: 0 };
  #last: { readonly report: WaitingReport; readonly endedMs: number } | undefined;
  #safeMs: number | undefined;

  constructor(desired: DesiredWorkspace, options: RunnerOptions) {
    this.#options = options;
    this.#desired = desired;
    this.#session = new WorkspaceSession(desired.id, options.services);
    const nowMs = performance.now();
    this.#schedule = { anchorMs: nowMs, intervalMs: desired.interval_seconds * 1_000 };
    this.#settledMs = nowMs - 1;
    this.#wake();
  }

  get desired(): DesiredWorkspace {
    return this.#desired;
  }

  get hold(): LeaseHold | undefined {
    return this.#session.hold;
  }

  loseLease(fencing: number): void {
    this.#session.loseLease(fencing);
  }

  /** The same workspace with another policy: it holds from the next run on. */
  update(desired: DesiredWorkspace): void {
    const intervalMs = desired.interval_seconds * 1_000;
    if (intervalMs !== this.#schedule.intervalMs || (this.#desired.paused && !desired.paused)) {
      this.#schedule = { anchorMs: performance.now(), intervalMs };
      this.#settledMs = performance.now() - 1;
    }
    this.#desired = desired;
    this.#wake();
  }

  /** One run now, or right after the one under way, even when paused. Answers how it ended. */
  runNow(): Promise<WaitingReport> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#wake();
    });
  }

  /** Ends a run under way, gives the lease back. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#ended.abort(new Error('The agent stops, or no longer snapshots this workspace.'));
    await this.#running;
    await this.#session.close();
  }

  status(): RunnerStatus {
    const { id, name, path, interval_seconds, paused } = this.#desired;
    const { progress, latest } = this.#session;
    const nowMs = performance.now();
    return {
      id,
      name,
      path,
      interval_seconds,
      paused,
      running: this.#running !== undefined,
      ...(progress && {
        progress: {
          files_done: progress.filesDone,
          bytes_done: progress.bytesDone,
          current_path: progress.currentFile,
        },
      }),
      ...(this.#last && { last_run: shownRun(this.#last.report, nowMs - this.#last.endedMs) }),
      ...(this.#safeMs !== undefined && { safe_seconds_ago: seconds(nowMs - this.#safeMs) }),
      latest_snapshot: latest,
      skipped_runs: this.#skippedInAll,
      watcher_problem: this.#last?.report.watcher_problem,
    };
  }

  /** Begins what is due, and comes back when the next run is. */
  #wake(): void {
    clearTimeout(this.#timer);
    if (this.#ended.signal.aborted) return;
    const nowMs = performance.now();
    const due = this.#desired.paused ? 0 : dueBetween(this.#schedule, this.#settledMs, nowMs);
    this.#settledMs = nowMs;
    if (this.#running !== undefined) this.#skip(due);
    else if (this.#isAsked || (due > 0 && nowMs >= this.#held.untilMs)) {
      this.#skip(due - 1);
      this.#running = this.#work();
    }
    if (!this.#desired.paused) {
      this.#timer = setTimeout(() => this.#wake(), Math.ceil(nextDueMs(this.#schedule, nowMs) - nowMs));
    }
  }

  #skip(count: number): void {
    this.#skipped += Math.max(0, count);
    this.#skippedInAll += Math.max(0, count);
  }

  get #isAsked(): boolean {
    const { requested_run_id: requested } = this.#desired;
    return this.#waiters.length > 0 || (requested !== null && requested !== this.#answeredRequest);
  }

  async #work(): Promise<void> {
    const waiters = this.#waiters.splice(0);
    const { requested_run_id: requested } = this.#desired;
    const isAnswer = requested !== null && requested !== this.#answeredRequest;
    const skipped = this.#skipped;
    this.#skipped = 0;
    const report = {
      ...(await this.#run()),
      skipped_runs: skipped,
      ...(isAnswer && { requested_run_id: requested }),
    };
    this.#running = undefined;
    if (this.#ended.signal.aborted) return;
    if (isAnswer) this.#answeredRequest = requested;
    this.#last = { report, endedMs: performance.now() };
    if (report.status === 'complete' || report.status === 'unchanged') this.#safeMs = report.startedAtMs;
    this.#options.onReport(report);
    for (const tell of waiters) tell(report);
    if (this.#isAsked) this.#wake();
  }

  async #run(): Promise<WaitingReport> {
    const desired = this.#desired;
    const { services, slots } = this.#options;
    const startedAtMs = performance.now();
    try {
      const run = () => {
        assertWithinBounds(desired.path, desired.bounds);
        return this.#session.run(desired, this.#ended.signal);
      };
      const finished = await slots.use(this.#ended.signal, run);
      this.#held = { count: 0, untilMs: 0 };
      return finishedReport(desired.id, finished);
    } catch (error) {
      if (codeOf(error) === 'lease_held') this.#holdOff();
      services.log.warn('run_failed', {
        workspace_id: desired.id,
        code: codeOf(error),
        detail: sentenceOf(error),
      });
      return failedReport(desired.id, startedAtMs, error);
    }
  }

  #holdOff(): void {
    const count = this.#held.count + 1;
    this.#held = { count, untilMs: performance.now() + retryDelayMs(count - 1, HELD_SPREAD, Math.random) };
  }
}

function shownRun(report: WaitingReport, agoMs: number): NonNullable<RunnerStatus['last_run']> {
  const { status, code, detail, duration_ms, requests } = report;
  return { status, code, detail, duration_ms, requests, ended_seconds_ago: seconds(agoMs) };
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}
