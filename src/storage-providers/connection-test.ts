import { randomBytes, randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { checkBucket, checkCredentials, checkList, checkRegion } from './connection-checks/access-checks.js';
import { checkConditionalCreate, checkPresignedPut } from './connection-checks/capability-checks.js';
import {
  CHECK_IDS,
  CHECK_TITLES,
  CLEANUP,
  failed,
  outcomeOf,
  passed,
  skipped,
  type CheckId,
  type CheckOutcome,
  type CheckResult,
} from './connection-checks/check.js';
import { foldResult, type ConnectionTestResult } from './connection-checks/fold-result.js';
import { checkClock, checkDns, checkTls } from './connection-checks/network-checks.js';
import {
  checkDelete,
  checkMultipart,
  checkRange,
  checkReadBack,
  checkWrite,
} from './connection-checks/object-checks.js';
import { checkCors } from './connection-checks/cors-check.js';
import { ProbeSession } from './connection-checks/probe-session.js';
import type { ConnectContext, ProviderSettings, StorageProvider } from './storage-provider.js';

export interface ConnectionTestOptions {
  /** Ends the test early; what it wrote is removed all the same. */
  readonly signal?: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** For the whole test; one minute when absent. */
  readonly deadlineMs?: number;
}

export type ConnectionTestEvent =
  | { readonly type: 'check.started'; readonly id: CheckResult['id']; readonly title: string }
  | { readonly type: 'check.finished'; readonly check: CheckResult }
  | { readonly type: 'result'; readonly result: ConnectionTestResult };

/**
 * Proves that a bucket can do the real work, by doing it: ordered checks with the calls that uploads, downloads and
 * deletions use, on random names below the prefix. A check whose ground failed is skipped and says so. Whatever
 * happens (a failure, the deadline, an abort, a consumer that stops reading) the probe objects are removed; what
 * could not be removed is named in a last check, `cleanup`.
 * The last event is the result. Rejects only when `signal` aborts, with its reason.
 */
export async function* testConnection(
  provider: StorageProvider,
  settings: ProviderSettings,
  context: ConnectContext,
  options: ConnectionTestOptions,
): AsyncGenerator<ConnectionTestEvent, void, void> {
  const deadline = AbortSignal.timeout(options.deadlineMs ?? DEFAULT_DEADLINE_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
  // Every call of the test listens to it.
  setMaxListeners(0, signal);
  const session = new ProbeSession(provider, settings, context, {
    folder: `_stowage-test/${randomUUID()}/`,
    bytes: randomBytes(PROBE_BYTES),
    now: options.now,
  });
  const results: CheckResult[] = [];
  try {
    for (const id of CHECK_IDS) {
      yield { type: 'check.started', id, title: CHECK_TITLES[id] };
      const startedMs = performance.now();
      const outcome = await runCheck(id, session, results, signal);
      options.signal?.throwIfAborted();
      const check = { id, title: CHECK_TITLES[id], latencyMs: since(startedMs), ...outcome };
      results.push(check);
      yield { type: 'check.finished', check };
    }
  } finally {
    const cleanup = await cleanUp(session);
    if (cleanup !== undefined) results.push(cleanup);
  }
  const last = results.at(-1);
  if (last?.id === CLEANUP.id) yield { type: 'check.finished', check: last };
  yield { type: 'result', result: foldResult(results, session.found) };
}

/** Runs a whole test for its result. */
export async function connectionTestResult(
  events: AsyncIterable<ConnectionTestEvent>,
): Promise<ConnectionTestResult> {
  for await (const event of events) if (event.type === 'result') return event.result;
  throw new Error('the connection test ended without a result');
}

const DEFAULT_DEADLINE_MS = 60_000;
/** Own time, so that an aborted or late test still cleans up. */
const CLEANUP_DEADLINE_MS = 15_000;
const PROBE_BYTES = 1_024;

interface Check {
  /** Checks without which this one says nothing. */
  readonly needs: readonly CheckId[];
  run(session: ProbeSession, signal: AbortSignal): Promise<CheckOutcome>;
}

const onNetwork =
  (run: (session: ProbeSession, signal: AbortSignal) => Promise<CheckOutcome>): Check['run'] =>
  async (session, signal) =>
    session.target === undefined
      ? skipped('A local disk is not reached by a network.')
      : run(session, signal);

const CHECKS: Readonly<Record<CheckId, Check>> = {
  dns: { needs: [], run: onNetwork((session, signal) => checkDns(session.target!, signal)) },
  tls: {
    needs: ['dns'],
    run: onNetwork((session, signal) => checkTls(session.target!, signal, session.now())),
  },
  clock: {
    needs: ['tls'],
    run: async (session, signal) =>
      session.target === undefined ? passed() : checkClock(session.target, signal, session.now),
  },
  credentials: { needs: ['tls', 'clock'], run: (session, signal) => checkCredentials(session, signal) },
  bucket: { needs: ['credentials'], run: (session) => checkBucket(session) },
  region: { needs: ['bucket'], run: (session) => checkRegion(session) },
  list: { needs: ['region'], run: (session, signal) => checkList(session, signal) },
  write: { needs: ['region', 'list'], run: (session, signal) => checkWrite(session, signal) },
  read_back: { needs: ['write'], run: (session, signal) => checkReadBack(session, signal) },
  range: { needs: ['read_back'], run: (session, signal) => checkRange(session, signal) },
  multipart: { needs: ['write'], run: (session, signal) => checkMultipart(session, signal) },
  conditional_create: { needs: ['write'], run: (session, signal) => checkConditionalCreate(session, signal) },
  presigned_put: { needs: ['write'], run: (session, signal) => checkPresignedPut(session, signal) },
  cors: {
    needs: ['presigned_put'],
    run: (session, signal) => {
      const { provider, context } = session;
      return checkCors(session, context.corsOrigins ?? [], provider.guide.cors, signal);
    },
  },
  delete: { needs: ['write'], run: (session, signal) => checkDelete(session, signal) },
};

async function runCheck(
  id: CheckId,
  session: ProbeSession,
  results: readonly CheckResult[],
  signal: AbortSignal,
): Promise<CheckOutcome> {
  const ground = failedGround(id, results);
  if (ground !== undefined) return skipped(`Not tried, because this failed: ${ground.title}.`);
  if (signal.aborted) return tookTooLong();
  try {
    return await CHECKS[id].run(session, signal);
  } catch (error) {
    return signal.aborted ? tookTooLong() : outcomeOf(error);
  }
}

/** The failed check that this one stands on, at any distance. */
function failedGround(id: CheckId, results: readonly CheckResult[]): CheckResult | undefined {
  for (const need of CHECKS[id].needs) {
    const result = results.find((check) => check.id === need);
    // A key that may not list can still do everything else: that is worth knowing.
    if (need === 'list' && result?.code === 'access_denied') continue;
    const ground = result?.status === 'failed' ? result : failedGround(need, results);
    if (ground !== undefined) return ground;
  }
  return undefined;
}

function tookTooLong(): CheckOutcome {
  return failed(
    'timeout',
    'The connection test was stopped because it took too long.',
    'Try again; if it stays so slow, use a region closer to this server.',
  );
}

async function cleanUp(session: ProbeSession): Promise<CheckResult | undefined> {
  const startedMs = performance.now();
  const left = await session.end(AbortSignal.timeout(CLEANUP_DEADLINE_MS));
  if (left.length === 0) return undefined;
  return {
    ...CLEANUP,
    latencyMs: since(startedMs),
    status: 'warning',
    code: 'left_behind',
    detail: `The test could not remove what it wrote: ${left.join(', ')}`,
    repair: 'Delete these objects by hand, or let the key delete objects.',
  };
}

function since(startedMs: number): number {
  return Math.round(performance.now() - startedMs);
}
