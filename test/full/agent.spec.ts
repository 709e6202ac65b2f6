import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { contentsOf } from '../support/described-tree.js';
import { type CommandOutcome, HostProcess } from '../support/host-process.js';
import { noise } from '../support/noise.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { FilesClient } from '../e2e/files-client.js';

interface Snapshot {
  readonly id: string;
  readonly received_at: string;
}

interface Workspace {
  readonly id: string;
  readonly health: { readonly state: string };
}

describe('a server and the agents of two hosts', () => {
  let client: FilesClient;
  const hosts: HostProcess[] = [];
  const lines: TcpProxy[] = [];

  beforeAll(async () => {
    client = await FilesClient.start();
  });

  afterAll(async () => {
    await Promise.all(hosts.map((host) => host.remove()));
    await Promise.all(lines.map((line) => line.stop()));
    await client.server.stop();
  });

  /** The answers are lost on the way until the server has used the token up. */
  async function enrolOverBadLine(host: HostProcess, token: string): Promise<CommandOutcome> {
    const line = await startTcpProxy({ port: Number(new URL(client.server.url).port) });
    lines.push(line);
    line.faults.cutAfterDownBytes = 10;
    const enrolling = host.enrol(`http://127.0.0.1:${line.port}`, token);
    await until(async () => (await agents()).some(({ name }) => name === 'standby'));
    line.faults.cutAfterDownBytes = undefined;
    return enrolling;
  }

  async function agents(): Promise<readonly { readonly id: string; readonly name: string }[]> {
    return (await client.json<{ data: { id: string; name: string }[] }>('GET', '/api/v1/agents')).data;
  }

  async function enrolled(
    name: string,
    enrol = (host: HostProcess, token: string) => host.enrol(client.server.url, token),
  ): Promise<{ host: HostProcess; agentId: string }> {
    const host = new HostProcess();
    hosts.push(host);
    const path = '/api/v1/agents/enrolment-tokens';
    const { token } = await client.json<{ token: string }>('POST', path, { name });
    expect(await enrol(host, token)).toMatchObject({ code: 0 });
    expect(await host.enrol(client.server.url, token)).toMatchObject({ code: 1 });
    host.start();
    return { host, agentId: (await agents()).find((agent) => agent.name === name)!.id };
  }

  async function snapshotsOf({ id }: Workspace): Promise<readonly Snapshot[]> {
    const path = `/api/v1/workspaces/${id}/snapshots?limit=100`;
    return (await client.json<{ data: readonly Snapshot[] }>('GET', path)).data;
  }

  it('keep a workspace through kill -9 and a restart of the server, and bring it back elsewhere', async () => {
    const { host, agentId } = await enrolled('primary');
    for (let file = 0; file < 50; file += 1) {
      mkdirSync(join(host.workspace, `d${file % 5}`), { recursive: true });
      writeFileSync(join(host.workspace, `d${file % 5}/f${file}`), noise(20_000, `file ${file}`));
    }
    const workspace = await client.json<Workspace>('POST', '/api/v1/workspaces', {
      name: 'models',
      path: host.workspace,
      agent_id: agentId,
      interval_seconds: 5,
    });
    await until(async () => (await snapshotsOf(workspace)).length === 1);

    await host.kill();
    const { port } = new URL(client.server.url);
    await client.server.kill();
    writeFileSync(join(host.workspace, 'after'), 'the first kill');
    // Its server comes later than it.
    host.start();
    await client.server.restart({ PORT: port });
    await until(async () => (await snapshotsOf(workspace)).length === 2);

    writeFileSync(join(host.workspace, 'now'), 'asked for');
    const now = await host.command('snapshot', 'now', '--workspace', 'models', '--json');
    expect(now).toMatchObject({ code: 0, stdout: expect.stringContaining('"status":"complete"') });
    expect(await snapshotsOf(workspace)).toHaveLength(3);
    const { health } = await client.json<Workspace>('GET', `/api/v1/workspaces/${workspace.id}`);
    expect(health.state).toBe('protected');

    const contents = contentsOf(host.workspace);
    await host.kill();
    rmSync(host.workspace, { recursive: true });

    const { host: standby } = await enrolled('standby', enrolOverBadLine);
    const target = join(standby.root, 'restored');
    await until(async () => (await standby.command('status', '--json')).code === 0);
    const restored = await standby.command('restore', '-w', workspace.id, '-t', target, '-y', '--json');
    expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining('"state":"succeeded"') });
    expect(contentsOf(target)).toBe(contents);
    expect(await standby.end()).toBe(0);
  });
});

async function until(isSo: () => Promise<boolean>, patienceMs = 20_000): Promise<void> {
  const startedMs = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedMs > patienceMs) throw new Error('It did not come to pass.');
    await sleep(100);
  }
}
