/*
 * When an attempt is made again. Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter):
 * receivers that fail together are not called again together.
 */

/** Longest wait after the first, second, … failed attempt: on average a delivery is tried for 25 hours. */
const LONGEST_WAITS_SECONDS = [
  10, 50, 250, 1_250, 6_250, 28_800, 28_800, 28_800, 28_800, 28_800, 28_800,
] as const;
export const MAX_ATTEMPTS = LONGEST_WAITS_SECONDS.length + 1;
const SHORTEST_WAIT_MS = 1_000;
/** A receiver's Retry-After is heeded up to here. */
const LONGEST_RETRY_AFTER_MS = 60 * 60_000;

/** Nobody answers: further deliveries are not tried for so long, because each would hold a worker until its deadline. */
const UNREACHABLE_MS = 60_000;
/** Deliveries held up by that are spread over so long. */
const SPREAD_MS = 10_000;
/** A delivery that is held up again and again is given up. */
const GIVE_UP_AFTER_MS = 52 * 60 * 60_000;

export const GONE = 410;

/** How an attempt ended. */
export type AttemptOutcome =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterMs?: number }
  /** `reason`: a sentence for the delivery log. */
  | { readonly kind: 'unreachable'; readonly reason: string };

export type NextStep =
  | { readonly state: 'delivered' }
  | { readonly state: 'failed'; readonly error: string; readonly isGone: boolean; readonly pauseMs: number }
  | { readonly state: 'pending'; readonly error: string; readonly waitMs: number; readonly pauseMs: number };

/**
 * @param attempts including the one that just ended
 * @param maxAttempts 1 for what is not worth repeating
 * @param random from 0 to below 1
 */
export function nextStep(
  outcome: AttemptOutcome,
  { attempts, maxAttempts }: { readonly attempts: number; readonly maxAttempts: number },
  random: number,
): NextStep {
  if (outcome.kind === 'answered' && isSuccess(outcome.status)) return { state: 'delivered' };
  const error = outcome.kind === 'answered' ? refusalOf(outcome.status) : outcome.reason;
  const pauseMs = outcome.kind === 'unreachable' ? UNREACHABLE_MS : 0;
  const isGone = outcome.kind === 'answered' && outcome.status === GONE;
  if (isGone || attempts >= maxAttempts) return { state: 'failed', error, isGone, pauseMs };
  const askedMs = outcome.kind === 'answered' ? (outcome.retryAfterMs ?? 0) : 0;
  const waitMs = Math.max(waitAfter(attempts, random), Math.min(askedMs, LONGEST_RETRY_AFTER_MS));
  return { state: 'pending', error, waitMs, pauseMs };
}

/**
 * When a delivery to a receiver that nobody answers for is looked at again; undefined when it has waited too long.
 * @param pausedMs from now until the receiver is tried again
 */
export function waitWhilePaused(
  { pausedMs, pendingMs }: { readonly pausedMs: number; readonly pendingMs: number },
  random: number,
): number | undefined {
  if (pendingMs > GIVE_UP_AFTER_MS) return undefined;
  return Math.ceil(pausedMs + random * SPREAD_MS);
}

function waitAfter(attempts: number, random: number): number {
  const longestMs = 1_000 * (LONGEST_WAITS_SECONDS[attempts - 1] ?? LONGEST_WAITS_SECONDS.at(-1)!);
  return Math.round(SHORTEST_WAIT_MS + random * (longestMs - SHORTEST_WAIT_MS));
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function refusalOf(status: number): string {
  if (status === GONE) return 'The receiver answered 410: it wants no more events.';
  if (status >= 300 && status < 400) return `The receiver answered ${status}: redirects are not followed.`;
  return `The receiver answered ${status}.`;
}
