import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentServer, TOKEN } from '../support/agent-server.js';
import { contentsOf } from '../support/described-tree.js';
import { AGENT_PROGRAM, HostProcess } from '../support/host-process.js';
import { noise } from '../support/noise.js';

const CTRL_C = '\x03';
const CTRL_D = '\x04';
const QUESTION = 'Restore? [y/N]';

describe('the person at the terminal of a host', () => {
  let server: AgentServer;
  let host: HostProcess;
  const terminals: ChildProcess[] = [];

  beforeEach(async () => {
    server = await AgentServer.start();
    host = new HostProcess();
    for (let file = 0; file < 4; file += 1)
      writeFileSync(join(host.workspace, `f${file}`), noise(20_000_000, `file ${file}`));
    expect(await host.enrol(server.url, TOKEN)).toMatchObject({ code: 0 });
    server.workspaces = [
      {
        ...{ id: randomUUID(), name: 'models', path: host.workspace, interval_seconds: 3_600, excludes: [] },
        ...{ upload_bytes_per_second: null, paused: true, requested_run_id: null },
      },
    ];
    host.start();
    await until(() => server.calls.some((call) => call.endsWith('/sync')));
  });

  afterEach(async () => {
    for (const terminal of terminals.splice(0)) terminal.kill('SIGKILL');
    await host.remove();
    await server.stop();
  });

  /** Types each answer as soon as its prompt was shown, or it is time (util-linux's script makes the terminal). */
  async function typing(
    args: readonly string[],
    answers: readonly (readonly [string | (() => boolean), string])[],
  ) {
    const command = [process.execPath, AGENT_PROGRAM, ...args, '--data-dir', host.dataDir].join(' ');
    const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] });
    terminals.push(child);
    let shown = '';
    child.stdout.on('data', (piece: Buffer) => (shown += piece.toString()));
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    for (const [prompt, answer] of answers) {
      const isTime = typeof prompt === 'string' ? () => shown.includes(prompt) : prompt;
      await until(() => isTime() || child.exitCode !== null);
      child.stdin.write(answer);
    }
    return { code: await ended, shown };
  }

  it('is asked before a restore, and anything but a yes cancels it', async () => {
    await host.command('snapshot', 'now');
    const target = join(host.root, 'restored');
    const restore = ['restore', '-w', 'models', '-t', target];
    expect(await host.command(...restore)).toMatchObject({ code: 64 });
    for (const [keys, code] of [
      ['n\r', 1],
      ['\r', 1],
      [CTRL_D, 1],
      [CTRL_C, 130],
    ] as const) {
      const outcome = await typing(restore, [[QUESTION, keys]]);
      expect([keys, outcome.code, outcome.shown]).toEqual([
        keys,
        code,
        expect.not.stringContaining('ABORT_ERR'),
      ]);
      expect(server.decisions.at(-1)).toBe('cancel');
    }
    expect(existsSync(target)).toBe(false);
    const { code, shown } = await typing(restore, [[QUESTION, 'y\r']]);
    expect([code, shown]).toEqual([0, expect.stringContaining('4 to create')]);
    expect(contentsOf(target)).toBe(contentsOf(host.workspace));
  });

  it('ends a restore with Ctrl-C, and goes on with it later', async () => {
    await host.command('snapshot', 'now');
    const target = join(host.root, 'restored');
    const restore = ['restore', '-w', 'models', '-t', target];
    const held = Promise.withResolvers<undefined>();
    let fetched = 0;
    server.refuse = (path) => {
      // Those of the plan are answered.
      if (path !== 'GET pack' || server.decisions.at(-1) !== 'run') return undefined;
      fetched += 1;
      return fetched > 1 ? held.promise : undefined;
    };
    const cancelled = await typing(restore, [
      [QUESTION, 'y\r'],
      [() => fetched > 1, CTRL_C],
    ]);
    expect([cancelled.code, cancelled.shown]).toEqual([130, expect.stringContaining('goes on from it')]);
    held.resolve(undefined);
    server.refuse = () => undefined;
    expect(await host.command(...restore, '-y')).toMatchObject({ code: 0 });
    expect(contentsOf(target)).toBe(contentsOf(host.workspace));
  });

  it('stops watching a snapshot with Ctrl-C, and the agent goes on with it', async () => {
    const held = Promise.withResolvers<undefined>();
    server.refuse = (path) => (path === 'PUT pack' ? held.promise : undefined);
    const { code, shown } = await typing(['snapshot', 'now'], [['models', CTRL_C]]);
    expect([code, shown]).toEqual([130, expect.not.stringContaining('Warning')]);
    held.resolve(undefined);
    await until(() => server.snapshots.length === 1);
    expect(await typing(['logs', '-f'], [['run_finished', CTRL_C]])).toMatchObject({ code: 130 });
  });
});

async function until(isSo: () => boolean, patienceMs = 60_000): Promise<void> {
  const startedMs = performance.now();
  while (!isSo()) {
    if (performance.now() - startedMs > patienceMs) throw new Error('It did not come to pass.');
    await sleep(50);
  }
}
