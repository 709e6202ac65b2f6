import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadResult, Stop } from './load/jobs.ts';
import type { Measurement } from './measurement.ts';
import type { Operation } from './operations.ts';
import { DOWNLOAD_BYTES, type Peer } from './peers/peer.ts';
import { CpuReading, loadAverage, peakRssMib, resetPeakRss, rssMib } from './process-meter.ts';
import type { LoadJob, Stage } from './stage.ts';

const SETTLE_MS = 100;
const GIB = 1024 ** 3;

/**
 * Runs an operation on a server between two readings of everything that it costs. The readings bracket whole
 * requests, so that costs per request are exact.
 * @throws Error when any request failed
 */
export async function measure(
  stage: Stage,
  peer: Peer,
  operation: Operation,
  stop: Stop,
  round: number,
): Promise<Measurement> {
  await stage.delayProvider(operation.sinkDelayMs ?? 0);
  resetPeakRss(peer.pid);
  const before = await read(stage, peer);
  const result = await stage.run(jobOf(operation, peer, stop));
  await sleep(SETTLE_MS); // what a server does right after its answer belongs to the request
  const after = await read(stage, peer);
  await stage.delayProvider(0);
  if (result.errors > 0 || result.requests === 0) {
    throw new Error(`${operation.name} on ${peer.name}: ${result.firstError ?? 'no request was answered'}`);
  }
  return { operation: operation.name, peer: peer.name, round, ...figures(operation, result, before, after) };
}

/** The same load without readings. */
export async function warmUp(stage: Stage, peer: Peer, operation: Operation, stop: Stop): Promise<void> {
  const { errors, firstError } = await stage.run(jobOf(operation, peer, stop));
  if (errors > 0) throw new Error(`warm-up of ${operation.name} on ${peer.name}: ${firstError}`);
}

interface Readings {
  readonly server: CpuReading;
  readonly postgres: CpuReading;
  readonly harness: readonly CpuReading[];
  readonly statements: number;
  readonly calls: Record<string, number>;
  readonly rssMib: number;
  readonly peakMib: number;
}

async function read(stage: Stage, peer: Peer): Promise<Readings> {
  const statements = await stage.postgres.statements(peer.database);
  const calls = await stage.providerCalls();
  return {
    statements,
    calls,
    rssMib: rssMib(peer.pid),
    peakMib: peakRssMib(peer.pid),
    server: new CpuReading(peer.pid),
    postgres: new CpuReading(stage.postgres.pid),
    harness: stage.harnessPids.map((pid) => new CpuReading(pid)),
  };
}

function jobOf(operation: Operation, peer: Peer, stop: Stop): LoadJob {
  const job = { port: peer.port, headers: peer.headers, concurrency: operation.concurrency, stop };
  const upload = { ...job, path: peer.uploadPath, field: peer.uploadField };
  switch (operation.kind) {
    case 'upload':
      return { kind: 'upload', job: { ...upload, sizeBytes: operation.sizeBytes ?? 0 } };
    case 'put':
      return { kind: 'put', job: { ...job, path: peer.uploadPath, sizeBytes: operation.sizeBytes ?? 0 } };
    case 'tus':
      if (peer.tusPath === undefined) throw new Error(`${peer.name} has no tus`);
      return { kind: 'tus', job: { ...job, path: peer.tusPath, sizeBytes: operation.sizeBytes ?? 0 } };
    case 'refusal':
      if (peer.refusedBytes === undefined) throw new Error(`${peer.name} refuses nothing`);
      return { kind: 'refusal', job: { ...upload, sizeBytes: peer.refusedBytes } };
    case 'list':
      return { kind: 'get', job: { ...job, paths: [peer.listPath] } };
    case 'sign':
      return { kind: 'get', job: { ...job, paths: peer.signPaths } };
    case 'download':
      return { kind: 'get', job: { ...job, paths: [peer.downloadPath], patternBytes: DOWNLOAD_BYTES } };
  }
}

function figures(operation: Operation, result: LoadResult, before: Readings, after: Readings) {
  const { requests, seconds, errors, p50Ms, p99Ms } = result;
  const bytes =
    requests * (operation.kind === 'refusal' ? 0 : (operation.sizeBytes ?? 0)) + result.receivedBytes;
  const cpuSeconds = after.server.since(before.server);
  const harnessSeconds = after.harness.map((reading, index) =>
    reading.since(before.harness[index] ?? reading),
  );
  const calls = difference(after.calls, before.calls, requests);
  return {
    requests,
    seconds,
    errors,
    p50Ms,
    p99Ms,
    requestsPerSecond: requests / seconds,
    mbPerSecond: bytes / 1e6 / seconds,
    cpuPerRequestUs: (cpuSeconds / requests) * 1e6,
    cpuPerGibSeconds: cpuSeconds / (bytes / GIB),
    rssBeforeMib: before.rssMib,
    rssPeakMib: after.peakMib,
    rssGrowthMib: after.peakMib - before.rssMib,
    postgresCpuUs: (after.postgres.since(before.postgres) / requests) * 1e6,
    statements: (after.statements - before.statements) / requests,
    providerCalls: sum(
      Object.entries(calls)
        .filter(([kind]) => isCall(kind))
        .map(([, count]) => count),
    ),
    calls,
    harnessBusy: sum(harnessSeconds) / seconds,
    loadAverage: loadAverage(),
  };
}

/** The sink also counts interim answers and statuses, which are no calls of their own. */
function isCall(kind: string): boolean {
  return kind !== 'continue' && !kind.startsWith('status ');
}

function difference(after: Record<string, number>, before: Record<string, number>, requests: number) {
  const kinds = Object.keys(after).filter((kind) => after[kind] !== before[kind]);
  return Object.fromEntries(
    kinds.map((kind) => [kind, ((after[kind] ?? 0) - (before[kind] ?? 0)) / requests]),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
