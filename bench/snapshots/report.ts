import type { Cost } from './meter.ts';
import type { Case } from './peers/peer.ts';

export interface Measurement extends Cost {
  readonly dataset: string;
  readonly peer: string;
  readonly step: Case;
  readonly round: number;
  /** After the first snapshot. */
  readonly repositoryBytes: number | undefined;
}

/** Our wall time over that of restic, at most. */
const WALL_GOALS: Readonly<Record<string, number>> = {
  'small first': 0.5,
  'large first': 0.3,
  'small unchanged': 0.02,
  'large unchanged': 0.02,
  'modules unchanged': 0.02,
  'small few': 0.05,
  'large few': 0.05,
  'modules few': 0.05,
  'small restore': 0.6,
  'large restore': 0.6,
  'modules restore': 0.6,
  'small check': 0.6,
  'large check': 0.6,
  'modules check': 0.6,
};

/** Medians of all rounds, and ratios of medians. */
export function table(measurements: readonly Measurement[]): string {
  const cases = [...new Set(measurements.map(({ dataset, step }) => `${dataset} ${step}`))];
  const rows = cases.map((name) => {
    const of = (peer: string) =>
      measurements.filter((each) => `${each.dataset} ${each.step}` === name && each.peer === peer);
    return row(name, of('restic'), of('stowage'));
  });
  return [
    '| case | restic s | ours s | wall ratio | goal | restic CPU s | ours CPU s | CPU ratio | restic MiB | ours MiB | size ratio |',
    '|--|--|--|--|--|--|--|--|--|--|--|',
    ...rows,
  ].join('\n');
}

function row(name: string, theirs: readonly Measurement[], ours: readonly Measurement[]): string {
  const medians = (key: 'wallSeconds' | 'cpuSeconds' | 'peakRssMib' | 'repositoryBytes') =>
    [theirs, ours].map((all) => median(all.map((each) => each[key] ?? Number.NaN))) as [number, number];
  const [wallTheirs, wallOurs] = medians('wallSeconds');
  const [cpuTheirs, cpuOurs] = medians('cpuSeconds');
  const [rssTheirs, rssOurs] = medians('peakRssMib');
  const [bytesTheirs, bytesOurs] = medians('repositoryBytes');
  const goal = WALL_GOALS[name];
  const cells = [
    name,
    wallTheirs.toFixed(2),
    wallOurs.toFixed(3),
    (wallOurs / wallTheirs).toFixed(3),
    goal === undefined ? '' : `<= ${goal}${wallOurs / wallTheirs <= goal ? '' : ' MISSED'}`,
    cpuTheirs.toFixed(2),
    cpuOurs.toFixed(2),
    (cpuOurs / cpuTheirs).toFixed(2),
    rssTheirs.toFixed(0),
    rssOurs.toFixed(0),
    Number.isNaN(bytesOurs) ? '' : (bytesOurs / bytesTheirs).toFixed(3),
  ];
  return `| ${cells.join(' | ')} |`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
