import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ChangingWorkspace } from '../../../src/cli/demo/changing-workspace.js';
import { AgentHost } from '../agent-host.js';
import { restic } from '../restic.js';
import { startServer, type TestServer } from '../server.js';
import { freePort } from '../until-ready.js';
import type { Cloud } from './clouds.js';

export interface ChaosHost {
  readonly host: AgentHost;
  readonly workspace: ChangingWorkspace;
  readonly workspaceId: string;
}

export interface SnapshotAnswer {
  readonly id: string;
  readonly restic_id: string;
}

const PATIENCE_MS = 120_000;

/** One server, two hosts with a workspace each that changes all the time, and a bucket behind a bad line. */
export class ChaosWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'stowage-chaos-'));
  readonly hosts: ChaosHost[] = [];
  server!: TestServer;

  constructor(
    readonly cloud: Cloud,
    private readonly intervalSeconds: number,
  ) {}

  async start(): Promise<void> {
    // The same port after each restart: agents know one address.
    const PORT = String(await freePort());
    this.server = await startServer({ env: { ...this.cloud.environment, PORT, EMBEDDED_AGENT: 'false' } });
    await this.call('PUT', '/api/v1/settings/cloud-storage', this.cloud.settings);
    for (const name of ['first', 'second']) this.hosts.push(await this.addHost(name));
  }

  async stop(): Promise<void> {
    for (const { host, workspace } of this.hosts) {
      workspace.stopChanging();
      await host.stop();
    }
    await this.server?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.server.adminKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (response.ok) return (await response.json()) as T;
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  }

  /** All that the server has said can be restored, newest first. */
  async snapshotsOf({ workspaceId }: ChaosHost): Promise<SnapshotAnswer[]> {
    const found: SnapshotAnswer[] = [];
    let cursor = '';
    do {
      const path = `/api/v1/workspaces/${workspaceId}/snapshots?limit=100${cursor}`;
      const page = await this.call<{ data: SnapshotAnswer[]; next_cursor: string | null }>('GET', path);
      found.push(...page.data);
      cursor = page.next_cursor ? `&cursor=${encodeURIComponent(page.next_cursor)}` : '';
    } while (cursor !== '');
    return found;
  }

  /** Seconds since the workspace is known to have been as its newest restorable snapshot. */
  async ageOf({ workspaceId }: ChaosHost): Promise<number> {
    const { age_seconds: age } = await this.call<{ age_seconds: number | null }>(
      'GET',
      `/api/v1/workspaces/${workspaceId}`,
    );
    return age ?? Infinity;
  }

  /** Lets the writers rest, and waits until all that they wrote can be restored. */
  async settle(): Promise<void> {
    for (const { workspace } of this.hosts) workspace.stopChanging();
    const restedAt = performance.now();
    for (const host of this.hosts) {
      while ((await this.ageOf(host)) * 1_000 > performance.now() - restedAt) {
        if (performance.now() - restedAt > PATIENCE_MS) {
          throw new Error(`Nothing new for ${PATIENCE_MS} ms.\n${host.host.output()}\n${this.lastLogs()}`);
        }
        await setTimeout(250);
      }
    }
  }

  /** Stock restic reads every byte; each acknowledged snapshot is there, and the newest one is what was written last. */
  async prove(host: ChaosHost, acknowledged: ReadonlySet<string>): Promise<void> {
    const copy = join(this.folder, `copy-${host.workspaceId}`);
    await this.cloud.mirror(copy);
    const { location, password } = await this.call<{ location: string; password: string }>(
      'POST',
      `/api/v1/workspaces/${host.workspaceId}/repository-password`,
    );
    const repository = join(copy, location.slice(location.indexOf('stowage/')));
    await restic(repository, password, '--no-lock', 'check', '--read-data');
    const listed = JSON.parse(await restic(repository, password, '--no-lock', 'snapshots', '--json')) as {
      id: string;
      time: string;
    }[];
    const lost = [...acknowledged].filter((id) => !listed.some((snapshot) => snapshot.id === id));
    if (lost.length > 0) throw new Error(`Acknowledged and lost: ${lost.join(', ')}`);
    const target = join(this.folder, `restored-${host.workspaceId}`);
    await restic(repository, password, '--no-lock', 'restore', 'latest', '--target', target);
    const { lostWrites } = host.workspace.compare(target);
    if (lostWrites > 0) throw new Error(`${lostWrites} writes are missing from the newest snapshot.`);
    rmSync(copy, { recursive: true });
  }

  lastLogs(): string {
    return this.server.logs().split('\n').slice(-40).join('\n');
  }

  private async addHost(name: string): Promise<ChaosHost> {
    const host = new AgentHost(join(this.folder, name));
    const { token } = await this.call<{ token: string }>('POST', '/api/v1/agents/enrolment-tokens', { name });
    await host.enrol(this.server.url, token);
    const { data } = await this.call<{ data: { id: string; name: string }[] }>('GET', '/api/v1/agents');
    const workspace = new ChangingWorkspace(join(this.folder, name, 'workspace'), { files: 200 });
    workspace.fill();
    const { id: workspaceId } = await this.call<{ id: string }>('POST', '/api/v1/workspaces', {
      name,
      path: workspace.path,
      agent_id: data.find((agent) => agent.name === name)!.id,
      interval_seconds: this.intervalSeconds,
    });
    host.start();
    workspace.startChanging();
    return { host, workspace, workspaceId };
  }
}
