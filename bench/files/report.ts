import type { Measurement } from './measurement.ts';
import type { Metric, Operation } from './operations.ts';
import { judge, median, type Verdict } from './verdicts.ts';

const NAMES: Readonly<Record<Metric, string>> = {
  requestsPerSecond: 'requests/s',
  mbPerSecond: 'MB/s',
  cpuPerRequestUs: 'CPU us/request',
  cpuPerGibSeconds: 'CPU s/GiB',
  rssGrowthMib: 'RSS growth MiB',
  p99Ms: 'p99 ms',
  providerCalls: 'provider calls',
  statements: 'SQL statements',
};

/** All that was measured, medians of the rounds, as a Markdown table. */
export function figuresTable(operations: readonly Operation[], measurements: readonly Measurement[]): string {
  const rows = operations.flatMap(({ name }) =>
    (['bare', 'stowage'] as const)
      .map((peer) => measurements.filter((each) => each.operation === name && each.peer === peer))
      .filter((group) => group.length > 0)
      .map(figuresRow),
  );
  return table(
    [
      'operation',
      'server',
      'rounds',
      'requests/s (best)',
      'p50/p99 ms',
      'MB/s',
      'CPU us/request',
      'CPU s/GiB',
      'DB CPU us',
      'SQL',
      'provider calls',
      'RSS before -> peak MiB',
      'harness busy',
      'load',
    ],
    rows,
  );
}

/** The goals with what was reached and whether it is enough, as a Markdown table. */
export function goalsTable(operations: readonly Operation[], measurements: readonly Measurement[]): string {
  return table(
    ['operation', 'goal', 'bare', 'stowage', 'reached', 'over the rounds', ''],
    judge(operations, measurements).map(goalRow),
  );
}

/** One line a measurement while they come in. */
export function progressLine(m: Measurement): string {
  const memory = m.rssGrowthMib > 20 ? `, RSS ${digits(m.rssBeforeMib)} -> ${digits(m.rssPeakMib)} MiB` : '';
  const cpu =
    m.cpuPerRequestUs > 50_000
      ? `${digits(m.cpuPerGibSeconds)} CPU s/GiB`
      : `${digits(m.cpuPerRequestUs)} CPU us`;
  const rate =
    m.mbPerSecond > 20 ? `${digits(m.mbPerSecond)} MB/s` : `${digits(m.requestsPerSecond)} requests/s`;
  return `round ${m.round} ${m.operation.padEnd(10)} ${m.peer.padEnd(8)} ${rate}, ${cpu}, p50 ${digits(m.p50Ms)} ms${memory}, load ${m.loadAverage}`;
}

function figuresRow(group: readonly Measurement[]): string[] {
  const [first] = group;
  const middle = (pick: (m: Measurement) => number): string => digits(median(group.map(pick)));
  const best = digits(Math.max(...group.map((m) => m.requestsPerSecond)));
  const calls = Object.entries(first?.calls ?? {}).map(([kind, count]) => `${kind} ${digits(count)}`);
  return [
    first?.operation ?? '',
    first?.peer ?? '',
    String(group.length),
    `${middle((m) => m.requestsPerSecond)} (${best})`,
    `${middle((m) => m.p50Ms)} / ${middle((m) => m.p99Ms)}`,
    middle((m) => m.mbPerSecond),
    middle((m) => m.cpuPerRequestUs),
    middle((m) => m.cpuPerGibSeconds),
    middle((m) => m.postgresCpuUs),
    middle((m) => m.statements),
    calls.join(', ') || '-',
    `${middle((m) => m.rssBeforeMib)} -> ${middle((m) => m.rssPeakMib)}`,
    middle((m) => m.harnessBusy),
    middle((m) => m.loadAverage),
  ];
}

function goalRow(verdict: Verdict): string[] {
  const show = (value: number | undefined): string => (value === undefined ? '-' : digits(value));
  const unit = verdict.of === 'ratio' ? ' x' : '';
  const [low, high] = verdict.spread ?? [];
  const outcome = verdict.passed === undefined ? 'not measured' : verdict.passed ? 'pass' : 'FAIL';
  return [
    verdict.what,
    `${NAMES[verdict.metric]} ${verdict.bound}${unit}`,
    show(verdict.bare),
    show(verdict.stowage),
    `${show(verdict.value)}${verdict.value === undefined ? '' : unit}`,
    low === undefined ? '-' : `${show(low)} to ${show(high)} (${verdict.rounds})`,
    outcome,
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** Three digits that matter. */
function digits(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return String(Number(value.toPrecision(3)));
}
