export interface RetrySpread {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Never trust a longer wish: a server that says "tomorrow" is mistaken more often than it is right. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/**
 * How long to wait before a repetition: anything up to a limit that doubles each time ("full jitter"), so that hosts
 * which lost the server together do not come back together. What the server asked for is waited for in any case.
 * @param attempt counts from 0
 */
export function retryDelayMs(
  attempt: number,
  { baseMs, maxMs }: RetrySpread,
  random: () => number,
  retryAfterMs = 0,
): number {
  const limitMs = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
  return Math.round(Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) + random() * limitMs);
}
