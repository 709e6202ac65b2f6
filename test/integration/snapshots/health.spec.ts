import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import {
  type ProblemSource,
  RepositoryProblems,
} from '../../../src/snapshots/maintenance/repository-problems.service.js';
import { Watchdog } from '../../../src/snapshots/workspaces/watchdog.service.js';
import { WorkspacesApp } from './workspaces-app.js';

interface Workspace {
  readonly id: string;
  readonly health: { readonly state: string; readonly reason: string };
  readonly repository: { readonly id: string };
}

const PATH = '/api/v1/workspaces';

describe('the health of a workspace', () => {
  let app: WorkspacesApp;

  beforeAll(async () => {
    app = await WorkspacesApp.start({ ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1:9' });
  });

  afterAll(() => app?.stop());

  let count = 0;
  const create = (more: object): Promise<Workspace> =>
    app.client.json('POST', PATH, { name: `w${count++}`, path: '/srv/w', ...more });
  const read = (id: string): Promise<Workspace> => app.client.json('GET', `${PATH}/${id}`);

  it('tells the change of a health once, and of agents that come and go', async () => {
    await app.client.json('POST', '/api/v1/webhooks', { url: 'http://127.0.0.1:9/hook' });
    const mine = await app.agent();
    const { id } = await create({ agent_id: mine });
    const watchdog = app.get(Watchdog);
    const told = () =>
      app.query<{ type: string; data: Record<string, unknown> }>(
        `SELECT event_type AS type, body::json -> 'data' AS data FROM webhook_deliveries
          WHERE body LIKE '%' || $1 || '%' OR body LIKE '%' || $2 || '%' ORDER BY created_at, event_type`,
        [id, mine],
      );
    await watchdog.look();
    expect(await told()).toEqual([]);
    await app.query("UPDATE workspaces SET active_since = now() - interval '1 hour' WHERE id = $1", [id]);
    await app.query("UPDATE agents SET last_seen_at = now() - interval '50 minutes' WHERE id = $1", [mine]);
    await Promise.all([watchdog.look(), watchdog.look()]);
    await watchdog.look();
    const reason = expect.stringMatching(/last heard of 50 minutes ago/);
    expect(await told()).toEqual([
      { type: 'agent.offline', data: expect.objectContaining({ agent_id: mine }) },
      {
        type: 'workspace.health_changed',
        data: expect.objectContaining({
          workspace_id: id,
          health: 'overdue',
          previous_health: 'waiting',
          reason,
        }),
      },
    ]);
    expect((await read(id)).health.state).toBe('overdue');
    const metrics = await (await app.client.fetch('/metrics')).text();
    expect(metrics).toMatch(/stowage_workspaces\{health="overdue"\} 1/);
    expect(metrics).toMatch(/stowage_oldest_durable_state_seconds 3[56]\d\d/);
    await app.query('UPDATE agents SET last_seen_at = now() WHERE id = $1', [mine]);
    await app.query('UPDATE workspaces SET last_durable_at = now() WHERE id = $1', [id]);
    await watchdog.look();
    expect((await told()).slice(2).map(({ type, data }) => [type, data.health])).toEqual([
      ['agent.online', undefined],
      ['workspace.health_changed', 'protected'],
    ]);
  });

  it('says what is wrong with the repository and what its upkeep costs, and does not call that safe', async () => {
    const { id, repository } = await create({ agent_id: await app.agent() });
    await app.query('UPDATE workspaces SET last_durable_at = now() WHERE id = $1', [id]);
    const changed =
      'UPDATE repositories SET foreign_snapshots = 2, maintenance_requests = 5000000 WHERE id = $1';
    await app.query(changed, [repository.id]);
    const note = (source: ProblemSource, problem: string | null, quiet = false) =>
      app
        .get(DataSource)
        .transaction((manager) =>
          app.get(RepositoryProblems).note(manager, repository.id, source, problem, { quiet }),
        );
    const healthOf = async () => {
      const { state, reason } = (await read(id)).health;
      return [state, reason];
    };
    await note('maintenance', 'Locked by ada.', true);
    expect(await healthOf()).toEqual(['protected', expect.stringMatching(/waits for .*: Locked by ada\.$/)]);
    expect(await read(id)).toMatchObject({
      counters: { provider_requests: 0, maintenance_requests: 5_000_000 },
      repository: { foreign_snapshots: 2, last_maintenance_problem: 'Locked by ada.' },
    });
    await note('maintenance', 'An index is damaged.');
    expect(await healthOf()).toEqual(['failed', expect.stringMatching(/An index is damaged/)]);
    await note('maintenance', null);
    await note('check', 'A pack is damaged.');
    await app.get(Watchdog).look();
    expect(await healthOf()).toEqual(['failed', expect.stringMatching(/A pack is damaged/)]);
    await note('check', null);
    expect(await healthOf()).toEqual(['protected', expect.stringMatching(/old\.$/)]);
  });
});
