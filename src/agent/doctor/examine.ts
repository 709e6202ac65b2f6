import { hostname } from 'node:os';
import type { DesiredWorkspace } from '../../agent-protocol/messages.js';
import { VERSION } from '../../config/version.js';
import { AgentError } from '../agent-error.js';
import type { AgentStatus } from '../host/control-protocol.js';
import { proxyName } from '../server-connection/proxies.js';
import type { ServerConnection } from '../server-connection/server-connection.js';
import { failed, passed, skipped, warning, type Check, type Outcome } from './check.js';
import {
  checkDataDir,
  checkDisk,
  checkEnrolment,
  checkNode,
  checkWatchLimits,
  checkWorkspace,
} from './host-checks.js';
import { checkClock, checkDns, checkServer, checkTls } from './server-checks.js';

export interface Patient {
  readonly dataDir: string;
  /** Where the server is; throws why that cannot be known. */
  readonly address: () => URL;
  /** Through which the server is reached. */
  readonly proxyOf: (server: URL) => URL | undefined;
  readonly connect: () => ServerConnection;
  /** Of the running agent; `undefined` when none runs. */
  readonly status: () => Promise<AgentStatus | undefined>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** So many intervals without a complete snapshot are a reason to look. */
const OVERDUE_INTERVALS = 3;

/** Looks at everything that snapshots need, one check after another. */
export async function* examine(patient: Patient): AsyncGenerator<Check, void> {
  const { dataDir } = patient;
  yield await looked('node', 'Node is recent enough', () => checkNode());
  const folder = await looked('data_dir', 'The data folder is closed and writable', () =>
    checkDataDir(dataDir),
  );
  yield folder;
  const hasFolder = folder.status === 'passed';
  yield await looked('disk', 'There is room on the disk', () =>
    hasFolder ? checkDisk(dataDir) : notTried(folder),
  );
  const enrolled = await looked('enrolment', 'This host is enrolled', () => checkEnrolment(dataDir));
  yield enrolled;
  yield* enrolled.status === 'passed' ? examineServer(patient) : unreachable(enrolled);
}

async function* examineServer(patient: Patient): AsyncGenerator<Check, void> {
  const server = patient.address();
  const proxy = patient.proxyOf(server);
  // Behind a proxy only that one's name need resolve, and what lies behind it is seen through it alone.
  const url = proxy ?? server;
  const title = proxy === undefined ? 'The name of the server resolves' : `The name of the proxy resolves`;
  const dns = await looked('dns', title, () => checkDns(url));
  yield dns;
  const isFound = dns.status === 'passed';
  const tls = await looked('tls', 'Secure connection to the server', () =>
    isFound ? checkedTls(server, proxy, patient.now()) : notTried(dns),
  );
  yield tls;
  if (!isFound || tls.status === 'failed')
    return yield* unreachable(isFound ? tls : dns, ['server', 'clock']);
  yield* examineAnswers(patient);
}

async function* examineAnswers(patient: Patient): AsyncGenerator<Check, void> {
  const server = patient.connect();
  try {
    const host = {
      hostname: hostname(),
      platform: `${process.platform} ${process.arch}`,
      program_version: VERSION,
    };
    let workspaces: readonly DesiredWorkspace[] = [];
    yield await looked('server', 'The server takes this host', async () => {
      const { outcome, state } = await checkServer(server, host, patient.signal);
      workspaces = state?.workspaces ?? [];
      return outcome;
    });
    yield await looked('clock', 'Clocks agree', () => checkClock(server.clockSkewMs));
    yield await looked('watch_limits', 'Changes can be watched', () => checkWatchLimits());
    yield* examineWorkspaces(workspaces, await patient.status());
  } finally {
    await server.close();
  }
}

function checkedTls(server: URL, proxy: URL | undefined, nowMs: number): Outcome | Promise<Outcome> {
  if (proxy === undefined) return checkTls(server, nowMs);
  return skipped(
    `The server is reached through the proxy ${proxyName(proxy)}; the next check goes through it.`,
  );
}

async function* examineWorkspaces(
  workspaces: readonly DesiredWorkspace[],
  status: AgentStatus | undefined,
): AsyncGenerator<Check, void> {
  yield await looked('agent', 'The agent runs', () =>
    status === undefined ? NOT_RUNNING : passed({ pid: status.pid }),
  );
  for (const workspace of workspaces) {
    const { id, name, path } = workspace;
    yield await looked(`workspace:${id}`, `${name} can be read`, () => checkWorkspace(path));
    yield await looked(`snapshot:${id}`, `${name} has a recent snapshot`, () => checkAge(workspace, status));
  }
}

const NOT_RUNNING = warning(
  'agent_not_running',
  'The agent does not run on this host, so there are no snapshots.',
  'systemctl start stowage-agent, or stowage-agent run',
);

function checkAge(
  { id, interval_seconds: interval, paused }: DesiredWorkspace,
  status: AgentStatus | undefined,
): Outcome {
  if (paused) return skipped('The workspace is paused.');
  const known = status?.workspaces.find((each) => each.id === id);
  if (known === undefined) return skipped('The agent does not run, or has not heard of the workspace yet.');
  const { safe_seconds_ago: age, last_run: last, watcher_problem: problem } = known;
  if (last?.status === 'failed')
    return failed(last.code ?? 'internal_error', last.detail ?? 'The last run failed.');
  if (age === undefined)
    return warning('no_snapshot', 'There is no complete snapshot yet.', 'Wait for the first run.');
  const observed = { age_seconds: age };
  if (age > interval * OVERDUE_INTERVALS && !known.running) {
    return warning(
      'overdue',
      `The last complete look was ${age} s ago.`,
      'See stowage-agent logs.',
      observed,
    );
  }
  if (problem !== undefined)
    return warning('watch_limit', problem, 'Raise the limit; see watch_limits.', observed);
  return passed(observed);
}

function* unreachable(
  ground: Check,
  ids: readonly string[] = ['dns', 'tls', 'server', 'clock'],
): Generator<Check, void> {
  const titles: Readonly<Record<string, string>> = {
    dns: 'The name of the server resolves',
    tls: 'Secure connection to the server',
    server: 'The server takes this host',
    clock: 'Clocks agree',
  };
  for (const id of ids) yield { id, title: titles[id]!, latency_ms: 0, ...notTried(ground) };
}

function notTried({ title }: Check): Outcome {
  return skipped(`Not tried, because this failed: ${title}.`);
}

async function looked(id: string, title: string, look: () => Outcome | Promise<Outcome>): Promise<Check> {
  const startedMs = performance.now();
  const outcome = await outcomeOf(look);
  return { id, title, latency_ms: Math.round(performance.now() - startedMs), ...outcome };
}

async function outcomeOf(look: () => Outcome | Promise<Outcome>): Promise<Outcome> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof AgentError) return failed(error.code, error.message);
    return failed('internal_error', (error as Error).message);
  }
}
