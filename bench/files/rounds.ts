import type { Stop } from './load/jobs.ts';
import { measure, warmUp } from './measure.ts';
import type { Measurement } from './measurement.ts';
import { type Operation, OPERATIONS } from './operations.ts';
import type { Options } from './options.ts';
import type { Peer } from './peers/peer.ts';
import type { Stage } from './stage.ts';

const FIRST_WARM_UP: Readonly<Record<string, Stop>> = {
  small64: { seconds: 5 },
  list: { seconds: 1 },
  sign: { seconds: 1 },
  download: { requests: 1 },
  big100: { requests: 1 },
};
const SHORT_WARM_UP: Stop = { seconds: 0.3 };

/**
 * Measures all operations round by round; within a round the servers take turns at each operation, in reverse order
 * every second round. No round starts that would not end before `deadlineMs` (on the clock of performance.now()).
 * @throws Error at the first failed request; what was measured before has gone to `report`
 */
export async function runRounds(
  stage: Stage,
  options: Options,
  deadlineMs: number,
  report: (measurement: Measurement) => void,
): Promise<void> {
  for (const peer of stage.peers) await warmFirst(stage, peer, options);
  let longestMs = 0;
  for (let round = 1; round <= options.rounds; round++) {
    const startMs = performance.now();
    if (startMs + longestMs > deadlineMs) return;
    const peers = round % 2 === 0 ? stage.peers.toReversed() : stage.peers;
    for (const operation of options.operations.filter((each) => round <= roundsOf(each, options))) {
      await runOperation(stage, peers, operation, options, round, deadlineMs, report);
    }
    longestMs = Math.max(longestMs, performance.now() - startMs);
  }
}

async function runOperation(
  stage: Stage,
  peers: readonly Peer[],
  operation: Operation,
  { quick }: Options,
  round: number,
  deadlineMs: number,
  report: (measurement: Measurement) => void,
): Promise<void> {
  if (performance.now() > deadlineMs) return;
  const stop = quick ? operation.quickStop : operation.stop;
  for (const peer of peers.filter(({ name }) => operation.peers.includes(name))) {
    // After the other server's turn, caches and connections are cold; whole large files warm themselves.
    if ('seconds' in stop) await warmUp(stage, peer, operation, SHORT_WARM_UP);
    report(await measure(stage, peer, operation, stop, round));
  }
}

async function warmFirst(stage: Stage, peer: Peer, { operations, quick }: Options): Promise<void> {
  const wanted = new Set(operations.map(({ kind }) => kind));
  for (const operation of OPERATIONS.filter((each) => wanted.has(each.kind))) {
    const stop = FIRST_WARM_UP[operation.name];
    if (stop && !(quick && operation.name === 'big100')) await warmUp(stage, peer, operation, stop);
  }
}

function roundsOf(operation: Operation, { quick }: Options): number {
  return quick ? operation.quickRounds : operation.rounds;
}
