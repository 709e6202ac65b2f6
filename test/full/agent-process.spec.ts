import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DesiredWorkspace } from '../../src/agent-protocol/messages.js';
import { AgentServer, TOKEN } from '../support/agent-server.js';
import { contentsOf } from '../support/described-tree.js';
import { HostProcess } from '../support/host-process.js';
import { noise } from '../support/noise.js';

describe('the agent of a host', () => {
  let server: AgentServer;
  let host: HostProcess;

  beforeEach(async () => {
    server = await AgentServer.start();
    host = new HostProcess();
    for (let file = 0; file < 40; file += 1) {
      mkdirSync(join(host.workspace, `d${file % 7}`), { recursive: true });
      writeFileSync(join(host.workspace, `d${file % 7}/f${file}`), noise(3_000 + file, `first ${file}`));
    }
    expect(await host.enrol(server.url, TOKEN)).toMatchObject({ code: 0 });
  });

  afterEach(async () => {
    await host.remove();
    await server.stop();
  });

  function wish(more: Partial<DesiredWorkspace> = {}): DesiredWorkspace {
    const workspace = {
      id: randomUUID(),
      name: 'models',
      path: host.workspace,
      interval_seconds: 1,
      excludes: [],
      upload_bytes_per_second: null,
      paused: false,
      requested_run_id: null,
      ...more,
    };
    server.workspaces = [workspace];
    server.changed();
    return workspace;
  }

  it('snapshots, is killed, reads nothing again that has not changed, and restores all of it', async () => {
    wish();
    host.start();
    await until(() => server.snapshots.length === 1);
    writeFileSync(join(host.workspace, 'changed'), 'first');
    await until(() => server.snapshots.length === 2);

    await host.kill();
    writeFileSync(join(host.workspace, 'changed'), 'second');
    const puts = () => server.calls.filter((call) => call === 'PUT pack').length;
    const before = puts();
    host.start();
    await until(() => server.snapshots.length === 3);
    // One pack of the file, one of the trees above it; the files of the workspace are old enough to be believed.
    expect(puts() - before).toBeLessThanOrEqual(2);

    const target = join(host.root, 'restored');
    const restored = await host.command(
      'restore',
      '--workspace',
      'models',
      '--target',
      target,
      '-y',
      '--json',
    );
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    const [last] = restored.stdout.trim().split('\n').slice(-1);
    expect(JSON.parse(last!)).toMatchObject({
      message_type: 'restore',
      state: 'succeeded',
      result: { verified: true },
    });
    expect(contentsOf(target)).toBe(contentsOf(host.workspace));
    expect(await host.end()).toBe(0);
    expect(server.calls.at(-1)).toMatch(/heartbeats$/);
    expect(server.calls).toContain('POST /api/v1/agent/leases/release');
  });

  it('costs no request while nothing changes, and says what it does', async () => {
    const { id } = wish();
    host.start();
    await until(() => server.snapshots.length === 1);
    const now = await host.command('snapshot', 'now', '--workspace', 'models', '--json');
    expect(now.code).toBe(0);
    expect(JSON.parse(now.stdout)).toMatchObject({ message_type: 'run', status: 'unchanged', requests: 0 });
    const calls = server.calls.length;
    await sleep(2_500);
    expect(server.calls.slice(calls).filter((call) => !/heartbeats|sync/.test(call))).toEqual([]);

    const status = await host.command('status', '--json');
    expect(JSON.parse(status.stdout)).toMatchObject({
      message_type: 'status',
      connected: true,
      workspaces: [{ id, name: 'models', last_run: { status: 'unchanged' }, latest_snapshot: server.latest }],
    });
    const doctor = await host.command('doctor', '--json');
    const { checks } = JSON.parse(doctor.stdout) as { checks: { id: string; status: string }[] };
    expect(checks.filter(({ status: how }) => how === 'failed')).toEqual([]);
    expect(checks.find((check) => check.id === `snapshot:${id}`)).toMatchObject({ status: 'passed' });
    expect((await host.command('logs')).stdout).toContain('run_finished');
    expect(statSync(join(host.dataDir, 'agent.sock')).mode & 0o777).toBe(0o600);
    expect(statSync(join(host.dataDir, 'agent.json')).mode & 0o777).toBe(0o600);
    expect(await host.command('run')).toMatchObject({ code: 11 });
  });

  it('reads nothing that a link made later leads to outside of the bounds', async () => {
    const path = join(host.root, 'bounded');
    mkdirSync(path);
    wish({ path, bounds: { roots: [host.root], forbidden: [host.dataDir] } });
    host.start();
    await until(() => server.snapshots.length === 1);
    rmSync(path, { recursive: true });
    symlinkSync('/etc', path);
    const now = () => host.command('snapshot', 'now', '--workspace', 'models', '--json');
    const refused = await now();
    expect([refused.code, JSON.parse(refused.stdout)]).toMatchObject([
      1,
      { status: 'failed', code: 'path_refused' },
    ]);
    expect((JSON.parse(refused.stdout) as { detail: string }).detail).toContain(`${path} leads to /etc`);
    expect(server.snapshots).toHaveLength(1);
    rmSync(path);
    mkdirSync(path);
    expect(await now()).toMatchObject({ code: 0 });
  });

  it('goes on through a server that goes away, signatures that expire, leases that are lost and commits that are refused', async () => {
    wish();
    host.start();
    await until(() => server.snapshots.length === 1);

    await server.vanish();
    writeFileSync(join(host.workspace, 'meanwhile'), 'changed while nobody listened');
    await sleep(1_500);
    await server.listen();
    await until(() => server.snapshots.length === 2);

    server.fencing += 1;
    writeFileSync(join(host.workspace, 'fenced'), 'after the lease was lost');
    await until(() => server.snapshots.length === 3);

    server.generation += 1;
    writeFileSync(join(host.workspace, 'pruned'), 'after a prune');
    await until(() => server.snapshots.length === 4);

    let refusals = 2;
    server.refuse = (path) => {
      if (!path.startsWith('PUT') || refusals === 0) return undefined;
      refusals -= 1;
      return { code: '', status: refusals === 1 ? 503 : 403 };
    };
    writeFileSync(join(host.workspace, 'unlucky'), 'on the second try');
    await until(() => server.snapshots.length === 5 && refusals === 0);
    await until(() => server.runs.filter(({ status }) => status === 'complete').length === 5);
    expect(server.runs.filter(({ status }) => status === 'failed')).toEqual([]);
  });

  it('resumes a restore after it was killed, and never restores into its own folder', async () => {
    wish({ interval_seconds: 3_600 });
    writeFileSync(join(host.workspace, 'large'), noise(40 * 1_024 * 1_024, 'large'));
    host.start();
    await until(() => server.snapshots.length === 1, 30_000);
    const forbidden = ['restore', '-w', 'models', '-t', join(host.dataDir, 'x'), '-y', '--json'];
    expect(await host.command(...forbidden)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('target_forbidden'),
    });
    const target = join(host.root, 'restored');
    const [{ id: workspace_id }] = server.workspaces as [DesiredWorkspace];
    server.restores = [
      {
        id: randomUUID(),
        workspace_id,
        snapshot: server.latest!,
        phase: 'run',
        paths: [],
        target,
        destination: 'new-directory',
        mirror: false,
      },
    ];
    let fetched = 0;
    const killed = Promise.withResolvers<undefined>();
    server.refuse = (path) => {
      fetched += path === 'GET pack' ? 1 : 0;
      return fetched > 2 ? killed.promise : undefined;
    };
    server.changed();
    await until(() => fetched > 2);
    await host.kill();
    killed.resolve(undefined);
    expect(readdirSync(target)).toContain('.stowage-restore');
    host.start();
    await until(() => server.restoreReports.some(({ state }) => state === 'succeeded'), 30_000);
    expect(contentsOf(target)).toBe(contentsOf(host.workspace));
  });

  it('says that another host writes its workspace, and takes over when that has ended', async () => {
    server.refuse = (path) => (path.endsWith('/leases') ? { code: 'lease_held', status: 409 } : undefined);
    wish();
    host.start();
    await until(() => server.runs.some(({ code }) => code === 'lease_held'));
    expect(await host.command('snapshot', 'now')).toMatchObject({ code: 11 });
    server.refuse = () => undefined;
    expect(await host.command('snapshot', 'now')).toMatchObject({ code: 0 });
    expect(server.snapshots).toHaveLength(1);
  });

  it('refuses settings that others can read', async () => {
    chmodSync(join(host.dataDir, 'agent.json'), 0o644);
    expect(await host.command('run')).toMatchObject({
      code: 13,
      stderr: expect.stringContaining('chmod 600'),
    });
    expect(await host.command('frobnicate')).toMatchObject({ code: 64 });
  });
});

async function until(isSo: () => boolean, patienceMs = 15_000): Promise<void> {
  const startedMs = performance.now();
  while (!isSo()) {
    if (performance.now() - startedMs > patienceMs) throw new Error('It did not come to pass.');
    await sleep(50);
  }
}
