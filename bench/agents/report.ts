import type { Percentiles } from './fleet-tally.ts';
import type { FleetMeasurement } from './measure-fleet.ts';
import type { IdleMeasurement } from './measure-idle.ts';
import type { OrdersMeasurement } from './measure-orders.ts';

/** What was promised; whether it was kept is for people to judge, machines are noisy. */
const GOALS = {
  missed: 0,
  commitP99Ms: 2_000,
  signaturesPerSecond: 2_000,
  idleCpuPercent: 0.5,
  idleCalls: 0,
} as const;

export function fleetTable(measured: FleetMeasurement): string {
  return table([
    ['measure', 'figure', 'goal'],
    ['agents', String(measured.agents)],
    ['snapshots committed', `${measured.runs} in ${measured.seconds.toFixed(0)} s`],
    ['missed intervals', String(measured.missed), String(GOALS.missed)],
    ['failed questions and runs', String(measured.failures), '0'],
    ['commit', times(measured.commit), `p99 below ${GOALS.commitP99Ms} ms`],
    ['order of two files', times(measured.order)],
    ['whole run', times(measured.run)],
    ['begun after its time', times(measured.late)],
    ['heartbeat', times(measured.heartbeat)],
    ['server CPU, of one core', `${measured.cpuPercent.toFixed(0)} %`],
    ['database CPU, of one core', `${measured.databaseCpuPercent.toFixed(0)} %`],
    ['server peak RSS', `${measured.peakRssMib.toFixed(0)} MiB`],
    ['HTTP connections to the server', String(measured.httpConnections)],
    ['connections to PostgreSQL', String(measured.databaseConnections)],
    ['statements', `${measured.statementsPerSecond.toFixed(0)}/s`],
    ['load average at the end', String(measured.loadAverage)],
  ]);
}

export function ordersTable(measured: readonly OrdersMeasurement[]): string {
  const rows = measured.map(({ kind, signaturesPerSecond, cpuPerSignatureUs }) => [
    kind,
    `${signaturesPerSecond.toFixed(0)} signatures/s, ${cpuPerSignatureUs.toFixed(0)} us of CPU each`,
    `${GOALS.signaturesPerSecond}/s`,
  ]);
  return table([['orders, 200 at once', 'figure', 'goal'], ...rows]);
}

export function idleTable(measured: IdleMeasurement): string {
  return table([
    ['measure', 'figure', 'goal'],
    ['files', String(measured.files)],
    ['first snapshot after', `${measured.firstSnapshotSeconds.toFixed(0)} s`],
    ['runs', `${measured.runs} in ${measured.seconds.toFixed(0)} s`],
    ['agent CPU, of one core', `${measured.cpuPercent.toFixed(2)} %`, `below ${GOALS.idleCpuPercent} %`],
    ['agent RSS', `${measured.rssMib.toFixed(0)} MiB, at most ${measured.peakRssMib.toFixed(0)} MiB`],
    ['calls to the provider', String(measured.providerCalls), String(GOALS.idleCalls)],
  ]);
}

function times({ p50Ms, p99Ms, maxMs }: Percentiles): string {
  return `p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms, longest ${maxMs.toFixed(0)} ms`;
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${head.map((_, at) => cells[at] ?? '').join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}
