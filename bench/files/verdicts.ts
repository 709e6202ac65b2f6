import type { Measurement } from './measurement.ts';
import type { Goal, Metric, Operation } from './operations.ts';
import type { PeerName } from './peers/peer.ts';

/** How one goal came out. */
export interface Verdict {
  readonly operation: string;
  readonly what: string;
  readonly metric: Metric;
  readonly of: Goal['of'];
  readonly bound: string;
  /** Medians of the two servers, for reading only. */
  readonly bare: number | undefined;
  readonly stowage: number | undefined;
  /** What the goal is about; absent when it was not measured. */
  readonly value: number | undefined;
  /** Lowest and highest over the rounds. */
  readonly spread: readonly [number, number] | undefined;
  readonly rounds: number;
  readonly passed: boolean | undefined;
}

/** Compares what was measured with the goals of every operation. */
export function judge(operations: readonly Operation[], measurements: readonly Measurement[]): Verdict[] {
  return operations.flatMap((operation) => {
    const own = measurements.filter((each) => each.operation === operation.name);
    return operation.goals.map((goal) => verdict(operation, goal, own));
  });
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

function verdict({ name, what }: Operation, goal: Goal, measurements: readonly Measurement[]): Verdict {
  const values =
    goal.of === 'ratio' ? ratios(goal.metric, measurements) : valuesOf('stowage', goal.metric, measurements);
  const value = values.length > 0 ? decisive(goal, values) : undefined;
  return {
    operation: name,
    what,
    metric: goal.metric,
    of: goal.of,
    bound: goal.atLeast === undefined ? `<= ${goal.atMost}` : `>= ${goal.atLeast}`,
    bare: medianOrNothing(valuesOf('bare', goal.metric, measurements)),
    stowage: medianOrNothing(valuesOf('stowage', goal.metric, measurements)),
    value,
    spread: values.length > 0 ? [Math.min(...values), Math.max(...values)] : undefined,
    rounds: values.length,
    passed: value === undefined ? undefined : meets(goal, value),
  };
}

/** Ratios vary with the neighbours on the machine: their median. Absolute promises must hold in the worst round. */
function decisive(goal: Goal, values: readonly number[]): number {
  if (goal.of === 'ratio' || goal.metric === 'p99Ms') return median(values);
  return goal.atMost === undefined ? Math.min(...values) : Math.max(...values);
}

function meets({ atLeast, atMost }: Goal, value: number): boolean {
  return (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);
}

function ratios(metric: Metric, measurements: readonly Measurement[]): number[] {
  return measurements
    .filter(({ peer }) => peer === 'stowage')
    .flatMap((ours) => {
      const theirs = measurements.find(({ peer, round }) => peer === 'bare' && round === ours.round);
      return theirs ? [ours[metric] / theirs[metric]] : [];
    });
}

function valuesOf(peer: PeerName, metric: Metric, measurements: readonly Measurement[]): number[] {
  return measurements.filter((each) => each.peer === peer).map((each) => each[metric]);
}

function medianOrNothing(values: readonly number[]): number | undefined {
  return values.length > 0 ? median(values) : undefined;
}
