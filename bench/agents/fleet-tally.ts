/** What a fleet lived through, in milliseconds and counts. */
export interface FleetResult {
  readonly runs: number;
  /** Runs that were due while the one before went on. */
  readonly missed: number;
  readonly failures: number;
  readonly firstFailures: readonly string[];
  readonly commit: Percentiles;
  readonly run: Percentiles;
  readonly order: Percentiles;
  readonly heartbeat: Percentiles;
  /** How much after their time runs began. */
  readonly late: Percentiles;
}

export interface Percentiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const FAILURES_KEPT = 5;

/** Counts what all agents of a process do while it is open. */
export class FleetTally {
  private readonly times = { commit: [], run: [], order: [], heartbeat: [], late: [] } as Record<
    'commit' | 'run' | 'order' | 'heartbeat' | 'late',
    number[]
  >;
  private missedRuns = 0;
  private failed = 0;
  private readonly reasons: string[] = [];

  run({ commitMs, runMs, lateMs }: { commitMs: number; runMs: number; lateMs: number }): void {
    this.times.commit.push(commitMs);
    this.times.run.push(runMs);
    this.times.late.push(Math.max(0, lateMs));
  }

  order(milliseconds: number): void {
    this.times.order.push(milliseconds);
  }

  heartbeat(milliseconds: number): void {
    this.times.heartbeat.push(milliseconds);
  }

  missed(runs: number): void {
    this.missedRuns += runs;
  }

  failure(reason: string): void {
    this.failed += 1;
    if (this.reasons.length < FAILURES_KEPT) this.reasons.push(reason);
  }

  /** Forgets everything: what came before was warming up. */
  reset(): void {
    for (const times of Object.values(this.times)) times.length = 0;
    this.missedRuns = 0;
    this.failed = 0;
    this.reasons.length = 0;
  }

  result(): FleetResult {
    const { commit, run, order, heartbeat, late } = this.times;
    return {
      runs: commit.length,
      missed: this.missedRuns,
      failures: this.failed,
      firstFailures: [...this.reasons],
      commit: percentiles(commit),
      run: percentiles(run),
      order: percentiles(order),
      heartbeat: percentiles(heartbeat),
      late: percentiles(late),
    };
  }
}

function percentiles(times: readonly number[]): Percentiles {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1) ?? NaN };
}
