import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CpuReading, peakRssMib, resetPeakRss, rssMib } from '../files/process-meter.ts';
import type { Options } from './options.ts';
import type { Stage } from './stage.ts';

export interface IdleMeasurement {
  readonly files: number;
  readonly seconds: number;
  /** Runs that the agent told of meanwhile. */
  readonly runs: number;
  /** Of one core, by the agent with all its threads. */
  readonly cpuPercent: number;
  readonly rssMib: number;
  readonly peakRssMib: number;
  /** That the bucket received, from anybody. */
  readonly providerCalls: number;
  /** From the agent's start to its first snapshot. */
  readonly firstSnapshotSeconds: number;
}

const AGENT = fileURLToPath(new URL('../../dist/src/agent/main.js', import.meta.url));
/** As the command that hosts start. */
const AGENT_COMMAND = [process.execPath, '--max-semi-space-size=4', AGENT];
const FILES_IN_DIRECTORY = 100;
const FILE_BYTES = 4_096;
const WRITTEN_AT_ONCE = 64;
const FIRST_SNAPSHOT_LIMIT_MS = 10 * 60_000;
/** After the first snapshot, before the cost of doing nothing is measured. */
const SETTLE_INTERVALS = 3;

interface WorkspaceFacts {
  readonly id: string;
  readonly counters: { readonly runs: number; readonly snapshots: number };
}

/** The real agent on this host, whose workspace does not change: what does it cost to know that? */
export async function measureIdle(stage: Stage, options: Options): Promise<IdleMeasurement> {
  const { ask, folder } = stage;
  const workspace = join(folder, 'workspace');
  await makeFiles(workspace, options.files);
  const dataDir = join(folder, 'agent');
  const agentId = await enrol(stage, dataDir);
  const startedMs = performance.now();
  const [program = '', ...args] = [
    'setpriv',
    '--pdeathsig',
    'TERM',
    ...AGENT_COMMAND,
    'run',
    '--data-dir',
    dataDir,
  ];
  const agent = spawn(program, args, { stdio: 'ignore' });
  try {
    const { intervalSeconds: interval_seconds } = options;
    const wanted = { name: 'idle', path: workspace, agent_id: agentId, interval_seconds };
    const { id } = await ask<WorkspaceFacts>('POST', '/api/v1/workspaces', wanted);
    const facts = () => ask<WorkspaceFacts>('GET', `/api/v1/workspaces/${id}`);
    const firstSnapshotSeconds = await firstSnapshot(facts, startedMs);
    await sleep(interval_seconds * SETTLE_INTERVALS * 1_000);
    const cost = await costOfNothing(stage, agent.pid!, options.minutes, facts);
    return { files: options.files, firstSnapshotSeconds, ...cost };
  } finally {
    const exit = once(agent, 'exit');
    if (agent.exitCode === null && agent.kill('SIGTERM')) await exit;
  }
}

async function costOfNothing(
  stage: Stage,
  pid: number,
  minutes: number,
  facts: () => Promise<WorkspaceFacts>,
): Promise<Omit<IdleMeasurement, 'files' | 'firstSnapshotSeconds'>> {
  const { counters: earlier } = await facts();
  await stage.provider.calls();
  resetPeakRss(pid);
  const before = new CpuReading(pid);
  const startedMs = performance.now();
  await sleep(minutes * 60_000);
  const cpuSeconds = new CpuReading(pid).since(before);
  const seconds = (performance.now() - startedMs) / 1_000;
  const providerCalls = await stage.provider.calls();
  const { counters: later } = await facts();
  return {
    seconds,
    runs: later.runs - earlier.runs,
    cpuPercent: (cpuSeconds / seconds) * 100,
    rssMib: rssMib(pid),
    peakRssMib: peakRssMib(pid),
    providerCalls,
  };
}

async function firstSnapshot(facts: () => Promise<WorkspaceFacts>, startedMs: number): Promise<number> {
  for (;;) {
    if ((await facts()).counters.snapshots > 0) return (performance.now() - startedMs) / 1_000;
    if (performance.now() - startedMs > FIRST_SNAPSHOT_LIMIT_MS)
      throw new Error('the agent makes no snapshot');
    await sleep(500);
  }
}

async function enrol({ ask, url, folder }: Stage, dataDir: string): Promise<string> {
  const { token } = await ask<{ token: string }>('POST', '/api/v1/agents/enrolment-tokens', { name: 'idle' });
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, token, { mode: 0o600 });
  const [program = '', ...args] = AGENT_COMMAND;
  const enrolment = ['enrol', '--server', url, '--token-file', tokenFile, '--data-dir', dataDir, '--json'];
  const { stdout } = await promisify(execFile)(program, [...args, ...enrolment]);
  return (JSON.parse(stdout) as { agent_id: string }).agent_id;
}

async function makeFiles(folder: string, count: number): Promise<void> {
  const directories = Math.ceil(count / FILES_IN_DIRECTORY);
  for (let at = 0; at < directories; at += 1) await mkdir(join(folder, `d${at}`), { recursive: true });
  let next = 0;
  const writeNext = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) {
      const path = join(folder, `d${Math.floor(at / FILES_IN_DIRECTORY)}`, `f${at}`);
      await writeFile(path, `${at}\n`.padEnd(FILE_BYTES, String(at * 7_919)));
    }
  };
  await Promise.all(Array.from({ length: WRITTEN_AT_ONCE }, writeNext));
}
