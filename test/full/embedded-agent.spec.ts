import { readdirSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startServer, type TestServer } from '../support/server.js';
import { untilReady } from '../support/until-ready.js';
import { AuthClient } from '../e2e/auth-client.js';

interface AgentJson {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly is_embedded: boolean;
}

const TIMEOUT = { timeoutMs: 20_000 };

describe('the agent on the server’s own machine', () => {
  let server: TestServer;
  let database: pg.Client;

  beforeAll(async () => {
    server = await startServer({ env: { STOWAGE_ADMIN_KEY: '', EMBEDDED_AGENT: 'true' } });
    database = new pg.Client(server.databaseUrl);
    await database.connect();
  });

  afterAll(async () => {
    await database?.end();
    await server?.stop();
  });

  const log = { ...TIMEOUT, explain: () => server.logs().slice(-2_000) };
  const agents = async (): Promise<{ id: string; api_key_id: string }[]> =>
    (await database.query('SELECT id, api_key_id FROM agents')).rows;
  /** How often an agent has said that it runs, over all lives of the server. */
  const starts = (): number => server.logs().split('"msg":"agent_started"').length - 1;
  const started = (count: number) =>
    untilReady(`start ${count}`, () => Promise.resolve(starts() >= count), log);

  /** Processes that work in the agent's folder. */
  function processes(): number[] {
    const folder = join(server.dataDir, 'agent');
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => commandLine(pid).includes(`--supervised\0--data-dir\0${folder}\0`))
      .map(Number);
  }
  const ended = (pid: number) =>
    untilReady(`the end of ${pid}`, () => Promise.resolve(!processes().includes(pid)), log);

  it('comes with the first administrator', async () => {
    expect([await agents(), processes()]).toEqual([[], []]);
    const link = () => /\/setup\/[\w-]{43}/.exec(server.logs())?.[0];
    await untilReady('the setup link', () => Promise.resolve(link() !== undefined), log);
    const path = link()!;
    const payload = { token: path.replace('/setup/', ''), name: 'Ada' };
    const browser = new AuthClient(server);
    const { api_key } = await browser.json<{ api_key: string }>(201, 'POST', '/api/v1/setup', payload);
    await started(1);
    const client = AuthClient.withKey(server, api_key);
    const { data } = await client.json<{ data: AgentJson[] }>(200, 'GET', '/api/v1/agents');
    expect(data).toMatchObject([{ name: 'this-server', state: 'online', is_embedded: true, workspaces: 0 }]);
    // Of another user it is no secret either: their workspaces may be on it.
    const user = await client.json<{ id: number }>(201, 'POST', '/api/v1/users', { name: 'Eve' });
    const made = await client.json<{ key: string }>(201, 'POST', '/api/v1/api-keys', {
      ...{ name: 'x', user_id: user.id },
    });
    const other = AuthClient.withKey(server, made.key);
    expect((await other.json<{ data: AgentJson[] }>(200, 'GET', '/api/v1/agents')).data).toHaveLength(1);
    for (const [method, url] of [
      ['DELETE', `/api/v1/agents/${data[0]!.id}?force=true`],
      ['POST', `/api/v1/agents/${data[0]!.id}/enrolment-tokens`],
    ] as const) {
      for (const by of [client, other])
        expect(await by.json(409, method, url, {})).toMatchObject({ code: 'agent_is_embedded' });
    }
    expect((await stat(join(server.dataDir, 'agent/agent.json'))).mode & 0o777).toBe(0o600);
    expect(server.logs()).not.toMatch(/stw_(?:enrol|agent)_/);
  });

  it('is started again when it dies, as the same agent', async () => {
    const [before] = await agents();
    const [pid] = processes();
    process.kill(pid!, 'SIGKILL');
    await started(2);
    expect(await agents()).toEqual([before]);
    expect(processes()).toHaveLength(1);
    expect(processes()).not.toContain(pid);
    expect(server.logs()).toContain('own agent ended (signal SIGKILL)');
  });

  it('ends with a server that is killed, and there is never a second one', async () => {
    const [pid] = processes();
    await server.kill();
    await server.restart();
    await ended(pid!);
    await started(3);
    expect(processes()).toHaveLength(1);
    expect(await agents()).toHaveLength(1);
  });

  it('ends before a server that stops, which does not wait for its long poll', async () => {
    const beganMs = performance.now();
    await server.terminate();
    expect(performance.now() - beganMs).toBeLessThan(15_000);
    expect(processes()).toEqual([]);
    const log = server.logs();
    expect(log.lastIndexOf('"msg":"agent_stopped"')).toBeLessThan(log.lastIndexOf('"msg":"stopped"'));
    expect(log).not.toContain('requests were cut');
  });

  it('gets another key when its own is not accepted any more', async () => {
    const [before] = await agents();
    await database.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [before!.api_key_id]);
    await server.restart();
    await started(4);
    const [after] = await agents();
    expect(after!.id).toBe(before!.id);
    expect(after!.api_key_id).not.toBe(before!.api_key_id);
  });
});

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}
