import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type AttemptOutcome,
  MAX_ATTEMPTS,
  nextStep,
  type NextStep,
  waitWhilePaused,
} from './delivery-plan.js';

const HOUR_MS = 60 * 60_000;
const first = { attempts: 1, maxAttempts: MAX_ATTEMPTS };
const answered = (status: number, retryAfterMs?: number): AttemptOutcome => ({
  kind: 'answered',
  status,
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});
const UNREACHABLE: AttemptOutcome = { kind: 'unreachable', reason: 'Nothing listens there.' };

function waitOf(step: NextStep): number {
  if (step.state !== 'pending') throw new Error(`no further attempt: ${step.state}`);
  return step.waitMs;
}

describe('after an attempt', () => {
  it('a delivery that was taken is delivered', () => {
    for (const status of [200, 202, 204, 299])
      expect(nextStep(answered(status), first, 0)).toEqual({ state: 'delivered' });
  });

  it('everything else is tried again, a redirect too', () => {
    for (const status of [301, 302, 400, 401, 404, 429, 500, 503]) {
      expect(nextStep(answered(status), first, 0)).toMatchObject({ state: 'pending', pauseMs: 0 });
    }
    expect(nextStep(answered(302), first, 0)).toMatchObject({
      error: 'The receiver answered 302: redirects are not followed.',
    });
  });

  it('a receiver that is gone hears nothing more', () => {
    expect(nextStep(answered(410), first, 0)).toMatchObject({ state: 'failed', isGone: true });
  });

  it('the last one fails, without disabling anything', () => {
    const step = nextStep(answered(500), { attempts: MAX_ATTEMPTS, maxAttempts: MAX_ATTEMPTS }, 0);
    expect(step).toMatchObject({ state: 'failed', isGone: false, error: 'The receiver answered 500.' });
    expect(nextStep(answered(500), { attempts: 1, maxAttempts: 1 }, 0)).toMatchObject({ state: 'failed' });
  });

  it('nobody else is sent to a receiver that holds up workers', () => {
    expect(nextStep(UNREACHABLE, first, 0)).toMatchObject({ state: 'pending', pauseMs: 60_000 });
  });

  it('waits are spread over the whole of their length, which grows', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: MAX_ATTEMPTS - 1 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempts, random) => {
          const at = (by: number) =>
            waitOf(nextStep(answered(500), { attempts, maxAttempts: MAX_ATTEMPTS }, by));
          expect(at(0)).toBe(1_000);
          expect(at(random)).toBeGreaterThanOrEqual(1_000);
          expect(at(random)).toBeLessThanOrEqual(at(0.9999999));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('tries for about a day in all', () => {
    const total = (random: number) =>
      Array.from({ length: MAX_ATTEMPTS - 1 }, (_, index) =>
        waitOf(nextStep(answered(500), { attempts: index + 1, maxAttempts: MAX_ATTEMPTS }, random)),
      ).reduce((sum, waitMs) => sum + waitMs, 0);
    expect(total(0.5) / HOUR_MS).toBeCloseTo(25, 0);
    expect(total(1) / HOUR_MS).toBeLessThan(51);
  });

  it('heeds Retry-After, but not for longer than an hour', () => {
    expect(waitOf(nextStep(answered(503, 120_000), first, 0))).toBe(120_000);
    expect(waitOf(nextStep(answered(503, 999_999_000), first, 0))).toBe(HOUR_MS);
  });
});

describe('while nobody answers', () => {
  it('deliveries wait until the receiver is tried again, spread out', () => {
    expect(waitWhilePaused({ pausedMs: 5_000, pendingMs: 0 }, 0)).toBe(5_000);
    expect(waitWhilePaused({ pausedMs: 5_000, pendingMs: 0 }, 0.5)).toBe(10_000);
  });

  it('but not for ever', () => {
    expect(waitWhilePaused({ pausedMs: 5_000, pendingMs: 60 * HOUR_MS }, 0)).toBeUndefined();
  });
});
