import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LEASE_TTL_SECONDS } from '../../../src/agent-protocol/protocol.js';
import { isRepositoryError, ObjectRepositoryFiles, Repository } from '../../../src/snapshot-engine/index.js';
import { ScriptedStorage } from '../../support/scripted-storage.js';
import { overlaid } from './overlaid-storage.js';
import type { PaperAgent } from './paper-agent.js';
import { RepositoryWorld } from './repository-world.js';

let world: RepositoryWorld;
let bucket: ScriptedStorage;
let agent: PaperAgent;

beforeAll(async () => {
  bucket = new ScriptedStorage();
  world = await RepositoryWorld.start(bucket);
});

beforeEach(async () => {
  world.one.bucket.storage = bucket;
  agent = await world.newAgent();
});

afterAll(() => world.stop());

const query = (text: string, ...values: unknown[]) => world.one.database.query(text, values);

describe('leases', () => {
  const take = (agentId: string) => world.one.leases.take(agentId, agent.workspace.id);
  const assignTo = (agentId: string) =>
    query('UPDATE workspaces SET agent_id = $2 WHERE id = $1', agent.workspace.id, agentId);

  it('open the repository, for their agent only', async () => {
    const grant = await take(agent.id);
    expect(grant).toMatchObject({ fencing: 1, ttl_seconds: LEASE_TTL_SECONDS, generation: 0, doomed: [] });
    const { master_key: masterKey, config } = grant.repository;
    const files = new ObjectRepositoryFiles(bucket, {
      prefix: `repositories/${agent.workspace.repositoryId}`,
    });
    const opened = Repository.fromGrant(files, { masterKey, config }, { now: () => 0 });
    const known = await world.one.repositories.open(agent.workspace.repositoryId);
    expect(opened.id).toBe(known.repository.id);
    await expect(take(await world.newAgentRow())).rejects.toMatchObject({ code: 'not_found' });
    await query('UPDATE workspaces SET deleted_at = now() WHERE id = $1', agent.workspace.id);
    await expect(take(agent.id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('name the newest snapshot that can be restored', async () => {
    await agent.takeLease();
    expect(agent.lease?.latest_snapshot).toBeNull();
    await agent.commit();
    const { object_id } = await agent.commit();
    await query(
      `UPDATE snapshots SET state = 'committing' WHERE id =
        (SELECT id FROM snapshots WHERE workspace_id = $1 ORDER BY received_at DESC LIMIT 1)`,
      agent.workspace.id,
    );
    expect((await agent.takeLease()).latest_snapshot).not.toBe(object_id);
  });

  it('go on under one number, and under the next once they have ended', async () => {
    expect((await take(agent.id)).fencing).toBe(1);
    expect((await take(agent.id)).fencing).toBe(1);
    await world.one.leases.release(agent.id, agent.hold);
    await world.one.leases.release(agent.id, agent.hold);
    expect((await take(agent.id)).fencing).toBe(2);
    await query('UPDATE leases SET expires_at = now() WHERE agent_id = $1', agent.id);
    expect((await take(agent.id)).fencing).toBe(3);
  });

  it('are held against the agent that the workspace moves to, until they expire', async () => {
    await take(agent.id);
    const heir = await world.newAgentRow();
    await assignTo(heir);
    await expect(take(heir)).rejects.toMatchObject({
      code: 'lease_held',
      retryable: true,
      retryAfterMs: expect.any(Number),
    });
    expect(await world.one.leases.renew(agent.id, [agent.hold])).toEqual([]);
    await query('UPDATE leases SET expires_at = now() WHERE agent_id = $1', agent.id);
    expect((await take(heir)).fencing).toBe(2);
  });

  it('are renewed while they are held, each for itself', async () => {
    await agent.takeLease();
    const lost = await world.newWorkspace(agent.id);
    await world.one.leases.take(agent.id, lost.id);
    await query('UPDATE leases SET expires_at = now() WHERE repository_id = $1', lost.repositoryId);
    await query(
      `UPDATE leases SET expires_at = now() + interval '5 s' WHERE repository_id = $1`,
      agent.workspace.repositoryId,
    );
    const holds = [agent.hold, { ...agent.hold, fencing: 7 }, { workspace_id: lost.id, fencing: 1 }];
    expect(await world.one.leases.renew(agent.id, holds)).toEqual([agent.hold]);
    expect(await world.one.leases.renew(await world.newAgentRow(), holds)).toEqual([]);
    expect(await world.one.leases.renew(agent.id, [])).toEqual([]);
    const [row] = await query(
      `SELECT extract(epoch FROM expires_at - now()) > 80 AS is_long FROM leases WHERE repository_id = $1`,
      agent.workspace.repositoryId,
    );
    expect(row).toEqual({ is_long: true });
  });

  it('go to one of many who ask at once', async () => {
    const [a, b] = [await world.newAgentRow(), await world.newAgentRow()];
    const grants = await Promise.allSettled(
      Array.from({ length: 12 }, async (_, at) => {
        await assignTo(at % 2 === 0 ? a : b);
        return take(at % 2 === 0 ? a : b);
      }),
    );
    const taken = grants.filter((grant) => grant.status === 'fulfilled').map(({ value }) => value.fencing);
    expect(new Set(taken)).toEqual(new Set([1]));
  });
});

describe('repositories', () => {
  const rows = () => query('SELECT id FROM repositories WHERE user_id = 1 AND state = $1', 'creating');

  it('that cannot be made leave no row', async () => {
    world.one.bucket.storage = overlaid(bucket, { put: () => Promise.reject(new Error('away')) });
    await expect(world.one.repositories.create(1)).rejects.toThrow('away');
    expect(await rows()).toEqual([]);
  });

  it.each(['keys/', 'config'])('are completed by who opens them after a crash at %s', async (at) => {
    const crashing = overlaid(bucket, {
      put: async (key, body, options) => {
        if (key.includes(`/${at}`)) throw new Error('killed');
        return bucket.put(key, body, options);
      },
    });
    // A crash leaves the row, unlike a failure.
    await query(`CREATE RULE keep AS ON DELETE TO repositories DO INSTEAD NOTHING`);
    world.one.bucket.storage = crashing;
    await expect(world.one.repositories.create(1)).rejects.toThrow('killed');
    await query('DROP RULE keep ON repositories');
    const [row] = await rows();
    world.one.bucket.storage = bucket;
    const two = await world.startProcess();
    const opened = await Promise.all([
      world.one.repositories.open(row.id),
      world.one.repositories.open(row.id),
      two.repositories.open(row.id),
    ]);
    expect(new Set(opened.map(({ repository }) => repository.id)).size).toBe(1);
    expect(await rows()).toEqual([]);
  });

  it('are opened once, however many ask, and with the new credentials when these change', async () => {
    const two = await world.startProcess();
    const { repositoryId } = agent.workspace;
    bucket.calls.length = 0;
    const all = await Promise.all(Array.from({ length: 20 }, () => two.repositories.open(repositoryId)));
    expect(new Set(all.map(({ repository }) => repository)).size).toBeLessThanOrEqual(20);
    expect(bucket.calls).toHaveLength(3);
    const changed = overlaid(bucket, {});
    two.bucket.storage = changed;
    expect((await two.repositories.open(repositoryId)).storage).toBe(changed);
    expect(bucket.calls).toHaveLength(3);
  });

  it('whose config is gone are told apart from those that never were', async () => {
    const two = await world.startProcess();
    await bucket.delete(`repositories/${agent.workspace.repositoryId}/config`);
    const error: unknown = await two.repositories.open(agent.workspace.repositoryId).catch((e: unknown) => e);
    expect(isRepositoryError(error, 'repository_not_found')).toBe(true);
    await expect(two.repositories.open(agent.id)).rejects.toMatchObject({ code: 'not_found' });
  });
});

it('forgets orders that came to nothing, and no others', async () => {
  await agent.takeLease();
  const order = (id: string) => agent.order([{ kind: 'pack', id, size_bytes: 1, md5: '0'.repeat(32) }]);
  const [old, committed, young] = ['a', 'b', 'c'].map((digit) => digit.repeat(64));
  for (const id of [old!, committed!, young!]) await order(id);
  await agent.commit({ files: [committed!] }).catch(() => undefined);
  await query(
    `UPDATE stored_packs SET ordered_at = now() - interval '8 days', is_committed = (id = $2)
     WHERE repository_id = $1 AND id <> $3`,
    agent.workspace.repositoryId,
    ...[Buffer.from(committed!, 'hex'), Buffer.from(young!, 'hex')],
  );
  await world.one.sweep.forgetOrders();
  const left = await query(
    'SELECT id FROM stored_packs WHERE repository_id = $1 ORDER BY id',
    agent.workspace.repositoryId,
  );
  expect(left.map(({ id }: { id: Buffer }) => id.toString('hex'))).toEqual([committed, young]);
});
