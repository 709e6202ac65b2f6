import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ChangingWorkspace, type Comparison } from './changing-workspace.js';
import { DemoAgent } from './demo-agent.js';
import type { DemoApi } from './demo-api.js';
import type { DemoReport } from './demo-report.js';
import { checkWithRestic } from './restic-check.js';

const INTERVAL_SECONDS = 5;
const SNAPSHOTS = 3;
const PATIENCE_MS = 60_000;
const POLL_MS = 200;

interface Snapshot {
  readonly id: string;
  readonly received_at: string;
  readonly stored_bytes: number;
  readonly duration_ms: number;
}

interface Restore {
  readonly id: string;
  readonly state: string;
  readonly error_detail: string | null;
  readonly result: { readonly files: number } | null;
}

/** Two hosts, a workspace that changes all the time on one of them, and what happens when that one is gone. */
export async function runRecoveryScript(api: DemoApi, report: DemoReport, dataDir: string): Promise<void> {
  const workspace = new ChangingWorkspace(join(dataDir, 'hosts/primary/workspace'));
  const agents: DemoAgent[] = [];
  try {
    const primary = await report.step(
      'primary host',
      () => startAgent(api, agents, 'primary', dataDir),
      ({ name }) => `agent "${name}" enrolled; it holds no bucket key`,
    );
    const standby = await report.step(
      'standby host',
      () => startAgent(api, agents, 'standby', dataDir),
      ({ name }) => `agent "${name}" enrolled`,
    );
    const { workspaceId } = await report.step(
      'workspace',
      () => addWorkspace(api, workspace, primary),
      (made) => `${made.content}, changing all the time, a snapshot every ${INTERVAL_SECONDS} s`,
    );
    await takeSnapshots(api, report, workspaceId);
    await report.step(
      'disaster',
      () => destroy(workspace, primary),
      () => 'agent killed (kill -9), workspace deleted (rm -rf)',
    );
    await comeBack(api, report, { workspace, workspaceId, standby, dataDir });
    await report.step(
      'stock restic',
      () => checkWithRestic(api, workspaceId),
      (text) => text,
    );
  } finally {
    workspace.stopChanging();
    await Promise.all(agents.map((agent) => agent.stop()));
  }
}

async function startAgent(
  api: DemoApi,
  agents: DemoAgent[],
  name: string,
  dataDir: string,
): Promise<DemoAgent> {
  const agent = await DemoAgent.start(api, name, join(dataDir, 'hosts', name, 'agent'));
  agents.push(agent);
  return agent;
}

async function addWorkspace(
  api: DemoApi,
  workspace: ChangingWorkspace,
  { id: agentId }: DemoAgent,
): Promise<{ workspaceId: string; content: string }> {
  const content = workspace.fill();
  const { id: workspaceId } = await api.json<{ id: string }>('POST', '/api/v1/workspaces', {
    name: 'training-run',
    path: workspace.path,
    agent_id: agentId,
    interval_seconds: INTERVAL_SECONDS,
  });
  workspace.startChanging();
  return { workspaceId, content };
}

async function takeSnapshots(api: DemoApi, report: DemoReport, workspaceId: string): Promise<void> {
  for (let count = 1; count <= SNAPSHOTS; count++) {
    await report.step(
      `snapshot #${count}`,
      () => newestOf(api, workspaceId, count),
      ({ stored_bytes: stored, duration_ms: took }) =>
        `${(stored / 1_024 / 1_024).toFixed(1)} MiB stored in ${(took / 1_000).toFixed(2)} s`,
    );
  }
}

function newestOf(api: DemoApi, workspaceId: string, count: number): Promise<Snapshot> {
  return eventually(`snapshot ${count}`, async () => {
    const path = `/api/v1/workspaces/${workspaceId}/snapshots?limit=100`;
    const { data } = await api.json<{ data: readonly Snapshot[] }>('GET', path);
    return data.length >= count ? data[data.length - count] : undefined;
  });
}

async function destroy(workspace: ChangingWorkspace, primary: DemoAgent): Promise<void> {
  // Not at the very moment of a snapshot, so that there is something to lose.
  await setTimeout((INTERVAL_SECONDS * 1_000) / 2);
  workspace.stopChanging();
  await primary.kill();
  rmSync(workspace.path, { recursive: true });
}

interface Loss {
  readonly workspace: ChangingWorkspace;
  readonly workspaceId: string;
  readonly standby: DemoAgent;
  readonly dataDir: string;
}

async function comeBack(
  api: DemoApi,
  report: DemoReport,
  { workspace, workspaceId, standby, dataDir }: Loss,
): Promise<void> {
  const lostMs = performance.now();
  const target = join(dataDir, 'hosts/standby/workspace');
  await report.step(
    'restore',
    () => restore(api, { workspace_id: workspaceId, agent_id: standby.id, target, start: true }),
    ({ result }) => `${result?.files ?? 0} files on the standby host`,
  );
  const rtoMs = performance.now() - lostMs;
  await report.step(
    'comparison',
    () => Promise.resolve(workspace.compare(target)),
    (compared) => describe(compared, lostMs, rtoMs),
  );
}

async function restore(api: DemoApi, wanted: object): Promise<Restore> {
  const { id } = await api.json<Restore>('POST', '/api/v1/restores', wanted);
  return eventually('restored', async () => {
    const restore = await api.json<Restore>('GET', `/api/v1/restores/${id}`);
    if (restore.state === 'succeeded') return restore;
    if (['partial', 'failed', 'cancelled'].includes(restore.state)) {
      throw new Error(`The restore ended as ${restore.state}: ${restore.error_detail ?? 'no reason given'}`);
    }
    return undefined;
  });
}

function describe({ files, firstLostMs, lostWrites }: Comparison, lostMs: number, rtoMs: number): string {
  const rpo = firstLostMs === undefined ? 0 : lostMs - firstLostMs;
  return (
    `${files} files, all SHA-256 equal; ${lostWrites} last writes lost: ` +
    `RPO ${(rpo / 1_000).toFixed(1)} s, RTO ${(rtoMs / 1_000).toFixed(1)} s`
  );
}

async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await setTimeout(POLL_MS);
  }
  throw new Error(`Not ${what} within ${PATIENCE_MS / 1_000} s.`);
}
