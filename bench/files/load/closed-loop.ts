import { Connection } from './connection.ts';
import type { LoadResult, Stop } from './jobs.ts';

/** One request on a connection. Answers the bytes received; throws when the answer is not the expected one. */
export type Exchange = (connection: Connection, serial: number) => Promise<number>;

interface Tally {
  readonly latenciesMs: number[];
  receivedBytes: number;
  started: number;
  errors: number;
  firstError?: string;
}

/**
 * Keeps `concurrency` requests under way, each on its own kept-alive connection, until `stop`. The first error ends
 * the job: a run with errors is worth nothing.
 * @param prepare makes the exchange of one connection
 */
export async function closedLoop(
  { port, concurrency, stop }: { port: number; concurrency: number; stop: Stop },
  prepare: () => Exchange,
): Promise<LoadResult> {
  const connections = Array.from({ length: concurrency }, () => new Connection(port));
  await Promise.all(connections.map((connection) => connection.open()));
  const tally: Tally = { latenciesMs: [], receivedBytes: 0, started: 0, errors: 0 };
  const startMs = performance.now();
  const more = (): boolean => tally.errors === 0 && goesOn(stop, tally.started, performance.now() - startMs);
  await Promise.all(connections.map((connection) => work(connection, prepare(), more, tally)));
  const seconds = (performance.now() - startMs) / 1000;
  for (const connection of connections) connection.close();
  return summarise(tally, seconds);
}

function goesOn(stop: Stop, started: number, elapsedMs: number): boolean {
  return 'requests' in stop ? started < stop.requests : elapsedMs < stop.seconds * 1000;
}

async function work(
  connection: Connection,
  exchange: Exchange,
  more: () => boolean,
  tally: Tally,
): Promise<void> {
  while (more()) {
    const serial = tally.started++;
    try {
      await connection.open();
      const startMs = performance.now();
      tally.receivedBytes += await exchange(connection, serial);
      tally.latenciesMs.push(performance.now() - startMs);
    } catch (error) {
      tally.errors++;
      tally.firstError ??= (error as Error).message;
    }
  }
}

function summarise({ latenciesMs, receivedBytes, errors, firstError }: Tally, seconds: number): LoadResult {
  const sorted = Float64Array.from(latenciesMs).sort();
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  const requests = latenciesMs.length;
  const latencies = { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), longestMs: at(1) };
  return { requests, seconds, ...latencies, receivedBytes, errors, firstError };
}
