import type { Progress, ProgressListener } from './progress.js';

/** What a run knows of itself; speed and time left are worked out from it. */
export type ProgressCounts = Omit<Progress, 'bytesPerSecond' | 'remainingMs'>;

export interface ProgressMeterOptions {
  /** Milliseconds that never step back; `performance.now` unless told. */
  readonly nowMs?: () => number;
  /** Between two calls of the listener. */
  readonly intervalMs?: number;
}

const DEFAULT_INTERVAL_MS = 250;
/** The speed is that of so long a time; enough for a slow request not to look like a standstill. */
const SPEED_WINDOW_MS = 5_000;

interface Sample {
  readonly atMs: number;
  readonly bytesDone: number;
}

/**
 * Tells a listener of a run's counts, a few times a second however often they change, with the speed of the last
 * seconds and the time that is left at this speed. A new phase is told at once. Costs one look at the clock otherwise.
 */
export class ProgressMeter {
  readonly #listener: ProgressListener | undefined;
  readonly #nowMs: () => number;
  readonly #intervalMs: number;
  /** Of the last seconds, one for each time the listener was called. */
  #samples: Sample[] = [];
  #last: ProgressCounts | undefined;
  #toldAtMs = -Infinity;

  constructor(
    listener: ProgressListener | undefined,
    { nowMs = () => performance.now(), intervalMs = DEFAULT_INTERVAL_MS }: ProgressMeterOptions = {},
  ) {
    this.#listener = listener;
    this.#nowMs = nowMs;
    this.#intervalMs = intervalMs;
  }

  update(counts: ProgressCounts): void {
    if (this.#listener === undefined) return;
    const isNewPhase = counts.phase !== this.#last?.phase;
    this.#last = this.#last === undefined ? counts : notFalling(this.#last, counts);
    const atMs = this.#nowMs();
    if (isNewPhase || atMs - this.#toldAtMs >= this.#intervalMs) this.#tell(atMs);
  }

  /** Tells the last counts, whether they are due or not: the end of a run. */
  finish(): void {
    if (this.#last !== undefined) this.#tell(this.#nowMs());
  }

  #tell(atMs: number): void {
    this.#toldAtMs = atMs;
    const counts = this.#last!;
    const bytesPerSecond = this.#speedAt(atMs, counts.bytesDone);
    this.#listener?.({ ...counts, bytesPerSecond, remainingMs: remainingMs(counts, bytesPerSecond) });
  }

  #speedAt(atMs: number, bytesDone: number): number {
    this.#samples.push({ atMs, bytesDone });
    // One sample from before the window stays: the speed is that of at least its length.
    while (this.#samples.length > 2 && this.#samples[1]!.atMs <= atMs - SPEED_WINDOW_MS)
      this.#samples.shift();
    const first = this.#samples[0]!;
    const elapsedMs = atMs - first.atMs;
    return elapsedMs > 0 ? ((bytesDone - first.bytesDone) * 1_000) / elapsedMs : 0;
  }
}

/** Workers report out of order; what has been done stays done. */
function notFalling(last: ProgressCounts, next: ProgressCounts): ProgressCounts {
  return {
    ...next,
    filesDone: Math.max(last.filesDone, next.filesDone),
    bytesDone: Math.max(last.bytesDone, next.bytesDone),
    filesTotal: larger(last.filesTotal, next.filesTotal),
    bytesTotal: larger(last.bytesTotal, next.bytesTotal),
  };
}

function larger(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (b ?? a) : Math.max(a, b);
}

function remainingMs({ bytesDone, bytesTotal }: ProgressCounts, bytesPerSecond: number): number | undefined {
  if (bytesTotal === undefined) return undefined;
  const left = Math.max(0, bytesTotal - bytesDone);
  if (left === 0) return 0;
  return bytesPerSecond > 0 ? Math.round((left * 1_000) / bytesPerSecond) : undefined;
}
