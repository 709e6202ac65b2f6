import { Readable } from 'node:stream';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { StorageError, isStorageError } from '../storage-errors.js';
import type { ObjectStorage } from '../storage-provider.js';
import { aroundCalls, type StorageCall } from './around-calls.js';
import { RetryBudget } from './retry-budget.js';
import { verifyAmbiguous } from './verify-ambiguous.js';

export interface RetryOptions {
  /** Tries of one call in all, the first included. */
  readonly maxTries?: number;
  /** A call that has lasted longer is not tried again, and no pause leads beyond it. */
  readonly maxElapsedMs?: number;
  /** Pass one to share it between storages. */
  readonly budget?: RetryBudget;
  /** From 0 up to 1. */
  readonly random?: () => number;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

const DEFAULT_MAX_TRIES = 5;
const DEFAULT_MAX_ELAPSED_MS = 60_000;
const BASE_PAUSE_MS = 250;
const MAX_PAUSE_MS = 20_000;

/**
 * Tries again what may succeed later: retryable errors only, after a random pause that grows (or the provider's own
 * Retry-After), within a budget so that a broken provider is not stormed. A stream that was read from is never sent
 * again. A write whose answer was lost is settled by looking at the object where its size and ETag can tell.
 */
export function retrying(storage: ObjectStorage, options: RetryOptions = {}): ObjectStorage {
  const { maxTries = DEFAULT_MAX_TRIES, maxElapsedMs = DEFAULT_MAX_ELAPSED_MS } = options;
  const { budget = new RetryBudget(), random = Math.random, sleep = defaultSleep } = options;
  return aroundCalls(storage, async (call, run) => {
    const startedMs = performance.now();
    let isAmbiguous = false;
    budget.deposit();
    for (let tries = 1; ; tries += 1) {
      try {
        return await run();
      } catch (error) {
        isAmbiguous ||= losesTheAnswer(error);
        const leftMs = maxElapsedMs - (performance.now() - startedMs);
        const pauseMs = pauseBefore(tries, error, random);
        const mayRetry =
          tries < maxTries && pauseMs <= leftMs && isRepeatable(call) && isWorthIt(error, tries);
        if (mayRetry && budget.withdraw()) {
          await pause(call, pauseMs, sleep);
          continue;
        }
        const settled = isAmbiguous ? await verifyAmbiguous(storage, call) : undefined;
        if (settled !== undefined) return settled as Awaited<ReturnType<typeof run>>;
        throw error;
      }
    }
  });
}

/** The provider may have done it: connection or provider failed when the request was already under way. */
function losesTheAnswer(error: unknown): boolean {
  if (!isStorageError(error) || !error.retryable || NEVER_SENT.has(error.providerCode ?? '')) return false;
  return error.httpStatus === undefined || error.httpStatus >= 500;
}

/** Failures before a connection: nothing can have been stored. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'QUEUE_FULL',
]);

/** A stream that nobody has read from yet is still whole. */
function isRepeatable({ body, signal }: StorageCall): boolean {
  if (signal?.aborted) return false;
  return !(body instanceof Readable) || (!body.readableDidRead && !body.destroyed);
}

/** Damage on the way is tried once more only: twice is no accident. */
function isWorthIt(error: unknown, tries: number): boolean {
  return isStorageError(error) && error.retryable && (error.code !== 'integrity' || tries === 1);
}

/** "Full jitter": anything between nothing and the doubled pause, or what the provider asked for. */
function pauseBefore(tries: number, error: unknown, random: () => number): number {
  const ceilingMs = Math.min(MAX_PAUSE_MS, BASE_PAUSE_MS * 2 ** (tries - 1));
  const askedMs = isStorageError(error) ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(askedMs, random() * ceilingMs);
}

async function pause(
  { operation, signal }: StorageCall,
  ms: number,
  sleep: NonNullable<RetryOptions['sleep']>,
): Promise<void> {
  try {
    await sleep(ms, signal);
  } catch (cause) {
    throw new StorageError('aborted', 'The call was aborted while it waited to be tried again.', {
      operation,
      hint: 'Nothing to repair: the caller ended the call.',
      retryable: false,
      cause,
    });
  }
}

function defaultSleep(ms: number, signal?: AbortSignal): Promise<void> {
  return sleepFor(ms, undefined, { signal });
}
