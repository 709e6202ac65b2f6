import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { DesiredState } from '../../../src/agent-protocol/messages.js';
import { AGENT_PATHS, MAX_ORDERED_BYTES, MAX_ORDERS } from '../../../src/agent-protocol/protocol.js';
import { AgentNudges } from '../../../src/agents/agent-nudges.service.js';
import { StopSignal } from '../../../src/config/stop-signal.js';
import { AgentsApp, type TestAgent, type TestUser } from './agents-app.js';

const ID = 'a3'.repeat(32);
/** Far from the 20 seconds that a poll is held, whatever else the machine does. */
const PROMPT_MS = 10_000;

describe('agents hear what is wanted', () => {
  let app: AgentsApp;
  let user: TestUser;
  let agent: TestAgent;
  let workspace: string;

  beforeAll(async () => {
    app = await AgentsApp.start();
    user = await app.newUser();
    agent = await app.newAgent(user);
    workspace = await app.newWorkspace(user, agent);
  });

  afterAll(() => app?.close());

  const state = (by = agent) => app.ok<DesiredState>(200, app.sync(by.key));
  const nudge = (agentId = agent.id) =>
    app.app
      .get(DataSource)
      .transaction((manager) => app.app.get(AgentNudges, { strict: false }).nudge(manager, agentId));
  /** Answers with the milliseconds that it took. */
  async function waiting(revision: string, by = agent): Promise<{ state: DesiredState; tookMs: number }> {
    const beganMs = performance.now();
    const answer = await app.ok<DesiredState>(200, app.sync(by.key, { revision, wait_seconds: 20 }));
    return { state: answer, tookMs: performance.now() - beganMs };
  }

  it('all of it, under a revision that depends on nothing else', async () => {
    const first = await state();
    expect(first).toEqual({
      revision: expect.stringMatching(/^[0-9a-f]{32}$/),
      agent: { id: agent.id, name: agent.name },
      workspaces: [
        {
          ...{ id: workspace, name: expect.any(String), path: '/workspace', interval_seconds: 30 },
          ...{ excludes: [], upload_bytes_per_second: null, paused: false, requested_run_id: null },
        },
      ],
      restores: [],
    });
    expect(await state()).toEqual(first);
    const beat = await app.ok<{ revision: string }>(200, app.beat(agent.key));
    expect(beat.revision).toBe(first.revision);
  });

  it('at once when they know something else, or nothing', async () => {
    for (const revision of [undefined, 'old']) {
      const beganMs = performance.now();
      await app.ok(200, app.sync(agent.key, { revision, wait_seconds: 20 }));
      expect(performance.now() - beganMs).toBeLessThan(PROMPT_MS);
    }
  });

  it('at once on a change, and not of one for another agent', async () => {
    const other = await app.newAgent(user);
    const { revision } = await state();
    const wait = waiting(revision);
    await sleep(100);
    await nudge(other.id);
    // Told, but nothing has changed: the wait goes on.
    await nudge();
    await sleep(100);
    await app.sql('UPDATE workspaces SET paused = true WHERE id = $1', [workspace]);
    const changedMs = performance.now();
    await nudge();
    const { state: heard } = await wait;
    expect(performance.now() - changedMs).toBeLessThan(PROMPT_MS);
    expect(heard.workspaces).toMatchObject([{ paused: true }]);
  });

  it('nothing new when their time is up', async () => {
    const { revision } = await state();
    const beganMs = performance.now();
    const answer = await app.ok<DesiredState>(200, app.sync(agent.key, { revision, wait_seconds: 1 }));
    expect(answer.revision).toBe(revision);
    expect(performance.now() - beganMs).toBeGreaterThan(950);
  });

  it('that they are removed, while they wait', async () => {
    const gone = await app.newAgent(user);
    const { revision } = await state(gone);
    const wait = app.sync(gone.key, { revision, wait_seconds: 20 });
    await sleep(100);
    await app.ok(204, app.send('DELETE', `/api/v1/agents/${gone.id}`, { key: user.key }));
    expect((await wait).json()).toMatchObject({ code: 'agent_removed' });
  });

  it('in at most four waits at once: of more the oldest ends', async () => {
    const { revision } = await state();
    const ended: number[] = [];
    const waits = [0, 1, 2, 3, 4, 5].map(async (number) => {
      await sleep(number * 30);
      await waiting(revision);
      ended.push(number);
    });
    await sleep(500);
    expect(ended).toEqual([0, 1]);
    await app.sql('UPDATE workspaces SET paused = NOT paused WHERE id = $1', [workspace]);
    await nudge();
    await Promise.all(waits);
    expect(ended).toHaveLength(6);
  });

  it('what a host says about itself is what its user sees', async () => {
    const moved = { hostname: 'host-2', platform: 'linux arm64', program_version: '9.9.9' };
    await app.ok(200, app.sync(agent.key, moved));
    const seen = app.send('GET', `/api/v1/agents/${agent.id}`, { key: user.key });
    const { hostname, platform, program_version: version } = moved;
    expect(await app.ok(200, seen)).toMatchObject({
      state: 'online',
      hostname,
      platform,
      version,
      workspaces: 1,
    });
  });

  describe('and are refused', () => {
    const run = { workspace_id: randomUUID(), run_id: randomUUID(), status: 'complete' };
    const put = { kind: 'pack', id: ID, size_bytes: 1, md5: '0f'.repeat(16) };
    const access = { workspace_id: randomUUID(), fencing: 1 };
    const hold = { workspace_id: randomUUID(), fencing: 1 };
    const summary = Object.fromEntries(
      [
        ...['files_new', 'files_changed', 'files_unmodified', 'dirs_new', 'dirs_changed', 'dirs_unmodified'],
        ...['data_blobs', 'tree_blobs', 'data_added', 'data_added_packed'],
        ...['total_files_processed', 'total_bytes_processed'],
      ].map((name) => [name, 0]),
    );
    const commit = {
      ...{ ...hold, run_id: randomUUID(), generation: 0, files: [ID], tree: ID, parent: null },
      ...{ hostname: 'h', username: 'u', excludes: [], summary, problem_count: 0, problems: [] },
      ...{ requests: 1, started_ms_ago: 1 },
    };
    const restore = {
      ...{ workspace_id: randomUUID(), paths: [], target: '/x', destination: 'new-directory' },
      ...{ mirror: false, starts_by_itself: true },
    };
    const heartbeat = { runs: [], restores: [], leases: [] };

    it.each<[string, keyof typeof AGENT_PATHS, object]>([
      [
        'a wait of an hour',
        'sync',
        { hostname: 'h', platform: 'p', program_version: '1', wait_seconds: 3_600 },
      ],
      [
        'a host name with a line break',
        'sync',
        { hostname: 'a\nb', platform: 'p', program_version: '1', wait_seconds: 0 },
      ],
      ['a report without its counts', 'heartbeat', { ...heartbeat, runs: [run] }],
      ['a hundred and one reports', 'heartbeat', { ...heartbeat, runs: Array(101).fill(run) }],
      ['a heartbeat of nothing', 'heartbeat', {}],
      ['leases that are no list', 'heartbeat', { ...heartbeat, leases: { 0: hold } }],
      ['a lease that is null', 'heartbeat', { ...heartbeat, leases: [null] }],
      ['half a fencing number', 'releaseLease', { ...hold, fencing: 1.5 }],
      ['a fencing number beyond all', 'releaseLease', { ...hold, fencing: 2 ** 60 }],
      ['a workspace that is an operator', 'lease', { workspace_id: { $gt: '' } }],
      ['no right at all', 'orders', { access: {}, puts: [put] }],
      ['two rights at once', 'orders', { access: { ...access, restore_id: randomUUID() }, puts: [put] }],
      ['half a right', 'listFiles', { access: { workspace_id: randomUUID() }, kind: 'index' }],
      ['a put of a key', 'orders', { access, puts: [{ ...put, kind: 'key' }] }],
      ['a put of a snapshot', 'orders', { access, puts: [{ ...put, kind: 'snapshot' }] }],
      ['a get of the config', 'orders', { access, gets: [{ kind: 'config', id: ID }] }],
      ['a path instead of an id', 'orders', { access, puts: [{ ...put, id: '../keys/x' }] }],
      ['an id in capitals', 'orders', { access, gets: [{ kind: 'pack', id: ID.toUpperCase() }] }],
      ['an id of 63 digits', 'orders', { access, gets: [{ kind: 'pack', id: ID.slice(1) }] }],
      ['an empty file', 'orders', { access, puts: [{ ...put, size_bytes: 0 }] }],
      ['a file too large', 'orders', { access, puts: [{ ...put, size_bytes: MAX_ORDERED_BYTES + 1 }] }],
      ['ten thousand ids at once', 'orders', { access, gets: Array(10_000).fill({ kind: 'pack', id: ID }) }],
      [
        'one order too many',
        'orders',
        { access, gets: Array(MAX_ORDERS + 1).fill({ kind: 'pack', id: ID }) },
      ],
      ['a list of keys', 'listFiles', { access, kind: 'key' }],
      ['a commit of a million files', 'commit', { ...commit, files: Array(15_000).fill(ID) }],
      ['a commit of no file’s id', 'commit', { ...commit, files: ['config'] }],
      ['a commit without a tree', 'commit', { ...commit, tree: '' }],
      ['a commit of the future', 'commit', { ...commit, started_ms_ago: -1 }],
      ['a commit without a parent’s place', 'commit', { ...commit, parent: undefined }],
      ['a restore to a relative place', 'requestRestore', { ...restore, target: 'x' }],
      ['a restore of an id that is none', 'requestRestore', { ...restore, snapshot: 'latest' }],
      ['a decision that nobody can take', 'decideRestore', { restore_id: randomUUID(), phase: 'plan' }],
    ])('with %s', async (_, path, payload) => {
      const answer = await app.tell(agent.key, path, payload);
      expect([answer.statusCode, answer.json()]).toMatchObject([
        400,
        { code: expect.stringMatching(/^(?:validation_failed|bad_request)$/) },
      ]);
    });

    it.each<[string, keyof typeof AGENT_PATHS, object, number, string]>([
      ['a lease', 'lease', { workspace_id: randomUUID() }, 404, 'not_found'],
      ['orders', 'orders', { access, puts: [put] }, 409, 'lease_lost'],
      [
        'orders by a restore',
        'orders',
        { access: { restore_id: randomUUID() }, gets: [] },
        403,
        'order_refused',
      ],
      ['lists', 'listFiles', { access, kind: 'snapshot' }, 409, 'lease_lost'],
      ['commits', 'commit', commit, 409, 'lease_lost'],
      ['restores', 'requestRestore', restore, 404, 'not_found'],
      ['decisions', 'decideRestore', { restore_id: randomUUID(), phase: 'run' }, 404, 'not_found'],
    ])('%s of what is not theirs', async (_, path, payload, status, code) => {
      const answer = await app.tell(agent.key, path, payload);
      expect([answer.statusCode, answer.json()]).toMatchObject([status, { code }]);
    });

    it('a storm of heartbeats, by the limit of their key', async () => {
      const stormy = await app.newAgent(user);
      // This minute's requests and the next one's, which may begin meanwhile.
      await app.sql(
        `INSERT INTO rate_limits (subject, window_start, requests)
          SELECT 'key:' || api_key_id, to_timestamp((floor(extract(epoch FROM now()) / 60) + later) * 60), 6000
          FROM agents, generate_series(0, 1) AS later WHERE id = $1`,
        [stormy.id],
      );
      let answer = await app.beat(stormy.key);
      for (let tries = 0; answer.statusCode === 200 && tries < 50; tries++) {
        await sleep(100);
        answer = await app.beat(stormy.key);
      }
      expect([answer.statusCode, answer.headers['retry-after']]).toEqual([
        429,
        expect.stringMatching(/^\d+$/),
      ]);
      // Nobody else is hit by it.
      expect((await app.beat(agent.key)).statusCode).toBe(200);
    });
  });

  it('and are answered at once when the server stops', async () => {
    const { revision } = await state();
    const wait = waiting(revision);
    await sleep(100);
    app.app.get(StopSignal, { strict: false }).stop();
    expect((await wait).tookMs).toBeLessThan(PROMPT_MS);
    expect((await waiting(revision)).tookMs).toBeLessThan(PROMPT_MS);
  });
});
