import type { Stop } from './load/jobs.ts';
import { LIST_LIMIT, LISTED_FILES, type PeerName, SIGNED_FILES } from './peers/peer.ts';

/** Figures of one measurement that goals speak of. */
export type Metric =
  | 'requestsPerSecond'
  | 'mbPerSecond'
  | 'cpuPerRequestUs'
  | 'cpuPerGibSeconds'
  | 'rssGrowthMib'
  | 'p99Ms'
  | 'providerCalls'
  | 'statements';

export interface Goal {
  readonly metric: Metric;
  /** Ours over the yardstick's of the same round (median of rounds), or ours alone (worst round). */
  readonly of: 'ratio' | 'ours';
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Operation {
  readonly name: string;
  readonly kind: 'upload' | 'put' | 'tus' | 'list' | 'sign' | 'download' | 'refusal';
  readonly what: string;
  /** Of one uploaded file. */
  readonly sizeBytes?: number;
  readonly concurrency: number;
  readonly stop: Stop;
  readonly quickStop: Stop;
  /** Most rounds it takes part in: what takes long and varies little needs few. */
  readonly rounds: number;
  readonly quickRounds: number;
  readonly peers: readonly PeerName[];
  readonly sinkDelayMs?: number;
  readonly goals: readonly Goal[];
}

const MIB = 1024 ** 2;
const BOTH: readonly PeerName[] = ['bare', 'stowage'];
const EVERY = Number.POSITIVE_INFINITY;

// Background work of the server (flushed counters and the like) may add a little to what requests cost.
const ONE_CALL: readonly Goal[] = [
  { metric: 'providerCalls', of: 'ours', atMost: 1 },
  { metric: 'statements', of: 'ours', atMost: 1.1 },
];
const SMALL: readonly Goal[] = [
  { metric: 'requestsPerSecond', of: 'ratio', atLeast: 2.5 },
  { metric: 'cpuPerRequestUs', of: 'ratio', atMost: 0.4 },
  ...ONE_CALL,
];
const LARGE: readonly Goal[] = [
  { metric: 'mbPerSecond', of: 'ratio', atLeast: 3 },
  { metric: 'cpuPerGibSeconds', of: 'ratio', atMost: 0.4 },
];
const STEADY_MEMORY: readonly Goal[] = [{ metric: 'rssGrowthMib', of: 'ours', atMost: 64 }];

/** All operations, in the order in which a round runs them. */
export const OPERATIONS: readonly Operation[] = [
  small('small1', 1, ONE_CALL),
  small('small16', 16, SMALL),
  small('small64', 64, SMALL),
  {
    name: 'list',
    kind: 'list',
    what: `list ${LIST_LIMIT} of ${LISTED_FILES} files`,
    concurrency: 4,
    ...seconds(3, 1.5),
    peers: BOTH,
    goals: [{ metric: 'requestsPerSecond', of: 'ratio', atLeast: 1.5 }],
  },
  {
    name: 'sign',
    kind: 'sign',
    what: `signed download URL, ${SIGNED_FILES} files in turn`,
    concurrency: 16,
    ...seconds(3, 1.5),
    peers: BOTH,
    goals: [{ metric: 'requestsPerSecond', of: 'ratio', atLeast: 2 }],
  },
  {
    name: 'refusal',
    kind: 'refusal',
    what: 'one byte over the limit, nothing sent after the heads',
    concurrency: 1,
    ...requests(30, 30),
    peers: ['stowage'],
    goals: [
      { metric: 'p99Ms', of: 'ours', atMost: 10 },
      { metric: 'providerCalls', of: 'ours', atMost: 0 },
    ],
  },
  {
    name: 'download',
    kind: 'download',
    what: 'download 100 MiB through the server',
    concurrency: 1,
    ...requests(4, 2),
    peers: BOTH,
    goals: [{ metric: 'cpuPerGibSeconds', of: 'ratio', atMost: 0.7 }],
  },
  { ...upload('big100', 'upload 100 MiB', 100 * MIB, 1, 3), quickStop: { requests: 1 }, goals: LARGE },
  { ...upload('big1g', 'upload 1 GiB', 1024 * MIB, 1, 1), quickRounds: 1, goals: LARGE },
  {
    ...upload('big100c16', 'upload 16 x 100 MiB at once', 100 * MIB, 16, 16),
    rounds: 3,
    quickRounds: 1,
    goals: STEADY_MEMORY,
  },
  {
    ...upload('big4g', 'upload 4 GiB', 4096 * MIB, 1, 1),
    rounds: 2,
    quickRounds: 0,
    peers: ['stowage'],
    goals: STEADY_MEMORY,
  },
  ...resumable('10k', '2,000 files of 10 KiB, 16 at once', 10 * 1024, 16, 2_000),
  ...resumable('1g', '1 GiB', 1024 * MIB, 1, 1),
];

/** Ours by tus, next to ours as the body of one PUT. */
function resumable(
  name: string,
  what: string,
  sizeBytes: number,
  concurrency: number,
  count: number,
): Operation[] {
  return (['put', 'tus'] as const).map((kind) => ({
    ...upload(`${kind}${name}`, `${kind === 'tus' ? 'tus' : 'PUT'}, ${what}`, sizeBytes, concurrency, count),
    kind,
    rounds: 3,
    quickRounds: 1,
    peers: ['stowage'],
  }));
}

/** Asked for with --sink-delay: the provider answers each call that much later. */
export function delayed(sinkDelayMs: number): readonly Operation[] {
  const names = ['small1', 'small64'];
  return OPERATIONS.filter(({ name }) => names.includes(name)).map((operation) => ({
    ...operation,
    name: `${operation.name}d${sinkDelayMs}`,
    what: `${operation.what}, provider ${sinkDelayMs} ms away`,
    sinkDelayMs,
    goals: [],
  }));
}

function small(name: string, concurrency: number, goals: readonly Goal[]): Operation {
  const what = `upload 10 KiB, ${concurrency} at once`;
  return { ...upload(name, what, 10 * 1024, concurrency, 0), ...seconds(4, 1.5), goals };
}

function upload(
  name: string,
  what: string,
  sizeBytes: number,
  concurrency: number,
  count: number,
): Operation {
  return {
    name,
    kind: 'upload',
    what,
    sizeBytes,
    concurrency,
    ...requests(count, count),
    peers: BOTH,
    goals: [],
  };
}

function seconds(full: number, quick: number) {
  return { stop: { seconds: full }, quickStop: { seconds: quick }, rounds: EVERY, quickRounds: EVERY };
}

function requests(full: number, quick: number) {
  return { stop: { requests: full }, quickStop: { requests: quick }, rounds: EVERY, quickRounds: EVERY };
}
