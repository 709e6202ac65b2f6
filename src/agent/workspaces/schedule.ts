/**
 * Moments at `anchorMs + n * intervalMs`, on a clock that never steps: how long a run takes moves no later one. All
 * functions are pure.
 */
export interface Schedule {
  readonly anchorMs: number;
  readonly intervalMs: number;
}

/** The first moment after `nowMs`. */
export function nextDueMs({ anchorMs, intervalMs }: Schedule, nowMs: number): number {
  if (nowMs < anchorMs) return anchorMs;
  return anchorMs + (Math.floor((nowMs - anchorMs) / intervalMs) + 1) * intervalMs;
}

/** How many moments lie after `fromMs` and not after `toMs`. */
export function dueBetween({ anchorMs, intervalMs }: Schedule, fromMs: number, toMs: number): number {
  const passed = (nowMs: number) => (nowMs < anchorMs ? 0 : Math.floor((nowMs - anchorMs) / intervalMs) + 1);
  return Math.max(0, passed(toMs) - passed(fromMs));
}
