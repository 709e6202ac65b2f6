import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { HeartbeatAnswer, RestoreReport, RunReport } from '../../../src/agent-protocol/messages.js';
import { AbandonedRestores } from '../../../src/snapshots/restores/abandoned-restores.service.js';
import { AgentsApp, type TestAgent, type TestUser } from './agents-app.js';

interface Row {
  readonly [column: string]: unknown;
}

const RESULT = {
  ...{ files: 1, bytes: 2, verified: true, duration_ms: 3 },
  ...{ failed: [], failed_count: 0, refused: [], refused_count: 0 },
};

describe('heartbeats', () => {
  let app: AgentsApp;
  let user: TestUser;
  let agent: TestAgent;
  let other: TestAgent;
  let workspace: string;

  beforeAll(async () => {
    app = await AgentsApp.start();
    user = await app.newUser();
    [agent, other] = [await app.newAgent(user), await app.newAgent(user)];
  });

  afterAll(() => app?.close());

  beforeEach(async () => {
    workspace = await app.newWorkspace(user, agent);
  });

  const run = (more: Partial<RunReport> = {}): RunReport => ({
    ...{ workspace_id: workspace, run_id: randomUUID(), status: 'unchanged' },
    ...{ started_ms_ago: 2_000, duration_ms: 1_000, requests: 0, walk: 'changes' },
    ...{ missed_changes: 0, problem_count: 0, problems: [], skipped_runs: 0 },
    ...more,
  });
  const tellRuns = (by: TestAgent, ...runs: RunReport[]) =>
    app.ok<HeartbeatAnswer>(200, app.beat(by.key, { runs }));
  const row = async (): Promise<Row> => {
    const [found] = await app.sql<Row>('SELECT * FROM workspaces WHERE id = $1', [workspace]);
    return found!;
  };

  /** A snapshot as a commit leaves it. */
  async function newSnapshot(state = 'restorable'): Promise<{ id: string; object: string }> {
    const object = randomBytes(32);
    const [made] = await app.sql<{ id: string }>(
      `INSERT INTO snapshots (user_id, cloud_config_id, state, workspace_id, agent_id, run_id, object_id, tree, fencing,
          started_at)
        SELECT w.user_id, r.cloud_config_id, $2, w.id, w.agent_id, gen_random_uuid(), $3, $3, 1, now()
          FROM workspaces w JOIN repositories r ON r.id = w.repository_id WHERE w.id = $1 RETURNING id`,
      [workspace, state, object],
    );
    return { id: made!.id, object: object.toString('hex') };
  }

  describe('tell of runs', () => {
    it('each once, also when a heartbeat is repeated together with newer ones', async () => {
      const first = run({ status: 'failed', code: 'x', detail: 'y', requests: 3, skipped_runs: 2 });
      const second = run({ missed_changes: 1, requests: 4 });
      await tellRuns(agent, first, second);
      await tellRuns(agent, first, second);
      const third = run({ requests: 5 });
      await tellRuns(agent, first, second, third);
      expect(await row()).toMatchObject({
        last_run: third,
        runs: '3',
        failed_runs: '1',
        skipped_runs: '2',
        missed_changes: '1',
        provider_requests: '12',
      });
    });

    it('and believe no durability that the server does not know', async () => {
      await tellRuns(agent, run(), run({ status: 'complete', snapshot: 'ab'.repeat(32) }));
      expect(await row()).toMatchObject({ runs: '2', last_durable_at: null });
      await newSnapshot('committing');
      await tellRuns(agent, run());
      expect((await row()).last_durable_at).toBeNull();
      const { object } = await newSnapshot();
      await tellRuns(agent, run({ status: 'complete', snapshot: object, started_ms_ago: 60_000 }));
      const complete = (await row()).last_durable_at as Date;
      expect(Math.abs(Date.now() - 60_000 - complete.getTime())).toBeLessThan(20_000);
      await tellRuns(agent, run({ started_ms_ago: 10_000 }));
      const unchanged = (await row()).last_durable_at as Date;
      expect(Math.abs(Date.now() - 10_000 - unchanged.getTime())).toBeLessThan(20_000);
      // Late news makes nothing older.
      await tellRuns(agent, run({ started_ms_ago: Number.MAX_SAFE_INTEGER }));
      expect((await row()).last_durable_at).toEqual(unchanged);
    });

    it('and change nothing of what another agent protects, nor of what is deleted', async () => {
      const before = await row();
      const answer = await tellRuns(other, run(), run({ workspace_id: randomUUID() }));
      expect(answer.leases).toEqual([]);
      expect(await row()).toEqual(before);
      await app.sql('UPDATE workspaces SET deleted_at = now() WHERE id = $1', [workspace]);
      const deleted = await row();
      await tellRuns(agent, run());
      expect(await row()).toEqual(deleted);
    });

    it('and answer what was asked for, once', async () => {
      const newJob = async () => {
        const [job] = await app.sql<{ id: string }>(
          `INSERT INTO jobs (user_id, kind, subject) VALUES ($1, 'snapshot.take', 'x') RETURNING id`,
          [user.userId],
        );
        await app.sql('UPDATE workspaces SET requested_run_id = $2 WHERE id = $1', [workspace, job!.id]);
        return job!.id;
      };
      const jobRow = async (id: string) => (await app.sql<Row>('SELECT * FROM jobs WHERE id = $1', [id]))[0]!;
      const made = await newSnapshot();
      const [done, job] = [await newJob(), await newJob()];
      // Of an earlier request: nothing is answered by it.
      await tellRuns(agent, run({ requested_run_id: done }));
      expect(await row()).toMatchObject({ requested_run_id: job });
      await tellRuns(agent, run({ status: 'complete', snapshot: made.object, requested_run_id: job }));
      expect(await row()).toMatchObject({ requested_run_id: null });
      expect(await jobRow(job)).toMatchObject({
        state: 'succeeded',
        result: { status: 'complete', snapshot_id: made.id },
      });
      const failing = await newJob();
      const code = 'access_denied';
      await tellRuns(agent, run({ status: 'failed', code, detail: 'No.', requested_run_id: failing }));
      expect(await jobRow(failing)).toMatchObject({ state: 'failed', error_code: code, error_detail: 'No.' });
    });

    it('and let webhooks hear of the first of several failures', async () => {
      await app.sql(
        `INSERT INTO webhooks (user_id, url, sealed_secret, enabled) VALUES ($1, 'https://x', 'x', true)`,
        [user.userId],
      );
      const told = async () =>
        (
          await app.sql<{ count: number }>(
            `SELECT count(*)::int FROM webhook_deliveries WHERE event_type = 'snapshot.failed' AND body LIKE $1`,
            [`%${workspace}%`],
          )
        )[0]!.count;
      const failed = () => run({ status: 'failed', code: 'x', detail: 'y' });
      await tellRuns(agent, failed(), failed());
      await tellRuns(agent, failed());
      expect(await told()).toBe(1);
      await tellRuns(agent, run(), failed());
      expect(await told()).toBe(2);
    });
  });

  describe('renew leases', () => {
    it('that the agent has, and leave out those that it has not', async () => {
      const take = () => app.tell(agent.key, 'lease', { workspace_id: workspace });
      const { fencing } = await app.ok<{ fencing: number }>(200, take());
      const leases = [
        { workspace_id: workspace, fencing },
        { workspace_id: workspace, fencing: fencing + 1 },
        { workspace_id: randomUUID(), fencing },
      ];
      const answer = await app.ok<HeartbeatAnswer>(200, app.beat(agent.key, { leases }));
      expect(answer.leases).toEqual([leases[0]]);
      const foreign = await app.ok<HeartbeatAnswer>(200, app.beat(other.key, { leases }));
      expect(foreign.leases).toEqual([]);
      await app.ok(204, app.tell(agent.key, 'releaseLease', leases[0]!));
      const released = await app.ok<HeartbeatAnswer>(200, app.beat(agent.key, { leases }));
      expect(released.leases).toEqual([]);
    });
  });

  describe('tell of restores', () => {
    const plan = { create: 1, overwrite: 0, delete: 0, keep: 0, bytes: 5, fetch_bytes: 5 };
    const progress = { files_done: 1, files_total: 2, bytes_done: 1, bytes_total: 2, bytes_per_second: 1 };
    const wanted = () => ({
      ...{ workspace_id: workspace, paths: [], target: '/restored', destination: 'new-directory' },
      ...{ mirror: false, starts_by_itself: false },
    });
    const ask = async (more: object = {}): Promise<string> =>
      (await app.ok<{ id: string }>(200, app.tell(agent.key, 'requestRestore', { ...wanted(), ...more }))).id;
    const askOf = async (by: TestAgent): Promise<string> =>
      (await app.ok<{ id: string }>(200, app.tell(by.key, 'requestRestore', wanted()))).id;
    /** States in which webhooks hear that it ended. */
    const told = async (restoreId: string): Promise<string[]> => {
      const rows = await app.sql<{ state: string }>(
        `SELECT body::json -> 'data' ->> 'state' AS state FROM webhook_deliveries
          WHERE event_type = 'restore.finished' AND body::json -> 'data' ->> 'restore_id' = $1`,
        [restoreId],
      );
      return rows.map(({ state }) => state);
    };
    const tell = (by: TestAgent, restore_id: string, report: Partial<RestoreReport>) =>
      app.ok(200, app.beat(by.key, { restores: [{ restore_id, ...report }] }));
    const stateOf = async (restore_id: string) =>
      (await app.ok<{ state: string }>(200, app.tell(agent.key, 'restoreStatus', { restore_id }))).state;
    const wish = async (id: string) => {
      const { restores } = await app.ok<{ restores: { id: string; phase: string }[] }>(
        200,
        app.sync(agent.key),
      );
      return restores.find((restore) => restore.id === id)?.phase;
    };

    it('step by step; what comes late or out of order changes nothing', async () => {
      const snapshot = await newSnapshot();
      const id = await ask();
      expect(await wish(id)).toBe('plan');
      await tell(agent, id, { state: 'running', progress });
      await tell(agent, id, { state: 'succeeded', result: RESULT });
      await tell(agent, id, { state: 'cancelled' });
      expect(await stateOf(id)).toBe('planning');
      await tell(other, id, { state: 'planned', plan });
      expect(await stateOf(id)).toBe('planning');
      await tell(agent, id, { state: 'planned', plan });
      expect([await stateOf(id), await wish(id)]).toEqual(['planned', undefined]);
      await app.ok(200, app.tell(agent.key, 'decideRestore', { restore_id: id, phase: 'run' }));
      expect([await stateOf(id), await wish(id)]).toEqual(['running', 'run']);
      const again = await app.tell(agent.key, 'decideRestore', { restore_id: id, phase: 'run' });
      expect([again.statusCode, again.json()]).toMatchObject([409, { code: 'restore_state' }]);
      await tell(agent, id, { state: 'running', progress });
      await tell(agent, id, { state: 'succeeded', result: RESULT });
      await tell(agent, id, { state: 'failed', code: 'late', detail: 'Late.' });
      const status = await app.ok(200, app.tell(agent.key, 'restoreStatus', { restore_id: id }));
      expect(status).toEqual({
        ...{ restore_id: id, state: 'succeeded', plan, progress, result: RESULT },
        ...{ error_code: null, error_detail: null },
      });
      const [proof] = await app.sql<Row>(
        `SELECT s.last_proven_at = r.finished_at AS of_snapshot, w.last_proven_at = r.finished_at AS of_workspace,
            r.started_at <= r.finished_at AS is_timed
          FROM restores r JOIN snapshots s ON s.id = r.snapshot_id JOIN workspaces w ON w.id = r.workspace_id
          WHERE r.id = $1 AND s.id = $2`,
        [id, snapshot.id],
      );
      expect(proof).toEqual({ of_snapshot: true, of_workspace: true, is_timed: true });
    });

    it('that run by themselves, and prove nothing where they were of a part', async () => {
      await newSnapshot();
      const id = await ask({ starts_by_itself: true, paths: ['a'] });
      await tell(agent, id, { state: 'planned', plan });
      expect([await stateOf(id), await wish(id)]).toEqual(['running', 'run']);
      await tell(agent, id, { state: 'succeeded', result: RESULT });
      expect((await row()).last_proven_at).toBeNull();
    });

    it('that are cancelled, before and after they began', async () => {
      await newSnapshot();
      const cancel = (restore_id: string) =>
        app.tell(agent.key, 'decideRestore', { restore_id, phase: 'cancel' });
      const planned = await ask();
      await tell(agent, planned, { state: 'planned', plan });
      expect(await app.ok(200, cancel(planned))).toMatchObject({ state: 'cancelled' });
      const running = await ask({ starts_by_itself: true });
      await tell(agent, running, { state: 'planned', plan });
      expect(await app.ok(200, cancel(running))).toMatchObject({ state: 'cancelling' });
      expect(await wish(running)).toBe('cancel');
      await tell(agent, running, { state: 'running', progress });
      expect(await stateOf(running)).toBe('cancelling');
      await tell(agent, running, { state: 'cancelled' });
      expect([await stateOf(running), await wish(running)]).toEqual(['cancelled', undefined]);
      expect((await cancel(running)).statusCode).toBe(409);
      expect(await told(planned)).toEqual(['cancelled']);
      expect(await told(running)).toEqual(['cancelled']);
    });

    it('that are cancelled while their host is silent, or removed: the server ends them', async () => {
      await newSnapshot();
      const cancelled = async (key: string): Promise<string> => {
        const asked = app.tell(key, 'requestRestore', { ...wanted(), starts_by_itself: true });
        const { id: restore_id } = await app.ok<{ id: string }>(200, asked);
        await app.ok(200, app.tell(key, 'decideRestore', { restore_id, phase: 'cancel' }));
        return restore_id;
      };
      const states = async (...ids: string[]) => {
        const rows = await app.sql<{ state: string; error_code: string | null }>(
          `SELECT state, error_code FROM restores JOIN unnest($1::uuid[]) WITH ORDINALITY AS asked (id, nth) USING (id)
            ORDER BY nth`,
          [ids],
        );
        return rows.map(({ state, error_code }) => error_code ?? state);
      };
      const host = await app.newAgent(user);
      const ids = [await cancelled(host.key), await cancelled(agent.key)];
      const ended = () => app.app.get(AbandonedRestores, { strict: false }).end();
      await ended();
      expect(await states(...ids)).toEqual(['cancelling', 'cancelling']);
      await app.sql(`UPDATE agents SET last_seen_at = now() - interval '1 hour' WHERE id = $1`, [host.id]);
      await ended();
      expect(await states(...ids)).toEqual(['cancelled', 'cancelling']);
      expect(await told(ids[0]!)).toEqual(['cancelled']);
      // Back again, it has nothing to do for it, and what it still says changes nothing.
      const { restores } = await app.ok<{ restores: unknown[] }>(200, app.sync(host.key));
      expect(restores).toEqual([]);
      await tell(host, ids[0]!, { state: 'succeeded', result: RESULT });
      const [late, running] = [await cancelled(host.key), await askOf(host)];
      await app.ok(204, app.send('DELETE', `/api/v1/agents/${host.id}?force=true`, { key: user.key }));
      expect(await states(ids[0]!, late, running)).toEqual(['cancelled', 'cancelled', 'agent_removed']);
      expect([...(await told(late)), ...(await told(running))]).toEqual(['cancelled', 'failed']);
    });

    it('only of snapshots and workspaces within reach', async () => {
      const { object } = await newSnapshot();
      const id = await ask({ snapshot: object.slice(0, 8) });
      expect((await app.tell(agent.key, 'openForRestore', { restore_id: id })).json()).toMatchObject({
        repository: { config: expect.stringContaining('"version":2') },
      });
      // The other agent is of the same user, but this restore is not its own.
      expect((await app.tell(other.key, 'restoreStatus', { restore_id: id })).statusCode).toBe(404);
      expect((await app.tell(other.key, 'openForRestore', { restore_id: id })).statusCode).toBe(403);
      expect(
        (await app.tell(agent.key, 'requestRestore', { ...wanted(), snapshot: '00000000' })).statusCode,
      ).toBe(400);
      const stranger = await app.newAgent(await app.newUser());
      const [foreign, absent] = await Promise.all(
        [workspace, randomUUID()].map((workspace_id) =>
          app.tell(stranger.key, 'requestRestore', { ...wanted(), workspace_id }),
        ),
      );
      expect([foreign!.statusCode, foreign!.json<{ detail: string }>().detail]).toEqual([
        404,
        absent!.json<{ detail: string }>().detail,
      ]);
      await tell(agent, id, { state: 'failed', code: 'x', detail: 'y' });
      expect((await app.tell(agent.key, 'openForRestore', { restore_id: id })).statusCode).toBe(403);
    });
  });
});
