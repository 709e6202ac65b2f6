import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';

import { SnapshotRow } from '../../../src/repositories/snapshot.entity.js';
import { Workspace } from '../../../src/repositories/workspace.entity.js';
import { loadSnapshot } from '../../../src/snapshot-engine/index.js';
import type { ObjectStorage, StorageCapabilities } from '../../../src/storage-providers/storage-provider.js';
import { overlaid } from './overlaid-storage.js';
import { worldOnDouble } from '../../support/world-on-double.js';

describe('commits', () => {
  const started = worldOnDouble();
  let { store, world, agent } = started;
  beforeEach(() => {
    ({ store, world, agent } = started);
  });

  const rows = (): Promise<SnapshotRow[]> =>
    world.one.database.manager.findBy(SnapshotRow, { workspaceId: agent.workspace.id });

  it('make a snapshot that says what the server knows, at one request to the provider', async () => {
    const { pack, index, indexBytes } = await agent.storeListed();
    const files = [pack, index];
    const { object_id, snapshot_id } = await agent.commit({ files, started_ms_ago: 4_000, requests: 2 });
    const { repository } = await world.one.repositories.open(agent.workspace.repositoryId);
    const stored = await loadSnapshot(repository, object_id);
    expect(stored).toMatchObject({
      paths: ['/srv/project'],
      hostname: 'host',
      tags: ['stowage', `workspace:${agent.workspace.id}`],
      summary: { filesNew: 1, totalBytesProcessed: 12 },
    });
    const [row] = await rows();
    expect(row).toMatchObject({
      ...{
        id: snapshot_id,
        state: 'restorable',
        sealed: null,
        storedBytes: 500 + indexBytes,
        providerRequests: 3,
      },
      ...{ files: 11, directories: 15, sizeBytes: 12, durationMs: 4_000, isPartial: false },
    });
    expect(row!.objectId.toString('hex')).toBe(object_id);
    expect(row!.receivedAt.getTime() - row!.startedAt.getTime()).toBe(4_000);
    expect(stored.timeNs).toBe(BigInt(row!.receivedAt.getTime()) * 1_000_000n);
    const workspace = await world.one.database.manager.findOneByOrFail(Workspace, { id: agent.workspace.id });
    expect(workspace).toMatchObject({ lastDurableAt: row!.startedAt, providerRequests: 3 });
  });

  it('believe no host that says it began before yesterday or tomorrow', async () => {
    await agent.commit({ started_ms_ago: 10 * 24 * 3_600_000 });
    await agent.commit({ started_ms_ago: -5_000 });
    expect((await rows()).map(({ durationMs }) => durationMs).sort()).toEqual([0, 6 * 3_600_000]);
  });

  it('are answered as before when they are repeated, by another process and after the lease is lost', async () => {
    const run_id = randomUUID();
    const request = agent.commitRequest({ run_id, files: [await agent.store()] });
    const first = await world.one.commits.commit(agent.id, request);
    await world.one.leases.release(agent.id, agent.hold);
    const two = await world.startProcess();
    expect(await two.commits.commit(agent.id, request)).toEqual(first);
    expect(await rows()).toHaveLength(1);
    await expect(agent.commit({ run_id })).rejects.toMatchObject({ code: 'commit_refused' });
  });

  it('are made once when they arrive twice at the same moment', async () => {
    const request = agent.commitRequest({ files: [await agent.store()] });
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => world.one.commits.commit(agent.id, request)),
    );
    expect(new Set(answers.map(({ object_id }) => object_id)).size).toBe(1);
    expect(await rows()).toHaveLength(1);
  });

  describe('are refused', () => {
    it('without the lease, with an older number, and when it has expired', async () => {
      const files = [await agent.store()];
      await expect(agent.commit({ files, fencing: 2 })).rejects.toMatchObject({ code: 'lease_lost' });
      await expireLease();
      await expect(agent.commit({ files })).rejects.toMatchObject({ code: 'lease_lost' });
      const old = agent.hold;
      await agent.takeLease();
      expect(agent.lease?.fencing).toBe(2);
      await expect(agent.commit({ files, ...old })).rejects.toMatchObject({ code: 'lease_lost' });
      await agent.commit({ files });
      const stranger = await world.newAgentRow();
      const request = agent.commitRequest({ files });
      await expect(world.one.commits.commit(stranger, request)).rejects.toMatchObject({ code: 'lease_lost' });
    });

    it('when the lease is lost between the first look and the decision', async () => {
      const slow = slowed(store.storage, { contentBound: 'none' }, async () => {
        await expireLease();
      });
      const files = [await agent.store()];
      world.one.bucket.storage = slow;
      await expect(agent.commit({ files })).rejects.toMatchObject({ code: 'lease_lost' });
      expect(await rows()).toEqual([]);
    });

    it('with files that nobody ordered, or that another repository holds', async () => {
      const other = await world.newAgent();
      await other.takeLease();
      const foreign = await other.store();
      await expect(agent.commit({ files: [foreign] })).rejects.toMatchObject({ code: 'commit_refused' });
      const names = ['', 'A'.repeat(64), '../config', foreign.toUpperCase(), foreign.slice(1)];
      for (const name of names) {
        await expect(agent.commit({ files: [name] })).rejects.toMatchObject({ code: 'commit_refused' });
        await expect(agent.commit({ tree: name })).rejects.toMatchObject({ code: 'commit_refused' });
      }
      expect(await rows()).toEqual([]);
    });

    it('with files that are absent or torn, where the bucket binds no content', async () => {
      const there = await agent.store();
      const absent = agent.newFile();
      await agent.order([{ kind: 'pack', id: absent.id, size_bytes: 500, md5: '0'.repeat(32) }]);
      world.one.bucket.storage = slowed(store.storage, { contentBound: 'none' });
      await expect(agent.commit({ files: [there, absent.id] })).rejects.toMatchObject({
        code: 'commit_refused',
        message: expect.stringContaining(absent.id),
      });
      const key = `repositories/${agent.workspace.repositoryId}/data/${absent.id.slice(0, 2)}/${absent.id}`;
      await store.storage.put(key, absent.bytes.subarray(1), { sizeBytes: 499 });
      await expect(agent.commit({ files: [absent.id] })).rejects.toMatchObject({ code: 'commit_refused' });
      await store.storage.put(key, absent.bytes, { sizeBytes: 500 });
      await agent.commit({ files: [there, absent.id], requests: 2 });
      // One of both was seen by the commit that was refused.
      expect((await rows())[0]).toMatchObject({ providerRequests: 4 });
    });

    it('with counts that are none', async () => {
      const wrong = [{ requests: -1 }, { problem_count: 0.5 }, { generation: Number.NaN }];
      for (const more of wrong)
        await expect(agent.commit(more)).rejects.toMatchObject({ code: 'commit_refused' });
    });
  });

  describe('that are broken off', () => {
    it('between the decision and the object are finished by their repetition', async () => {
      const failing = failingPuts(store.storage);
      const request = agent.commitRequest({ files: [await agent.store()] });
      world.one.bucket.storage = failing;
      await expect(world.one.commits.commit(agent.id, request)).rejects.toThrow('the bucket is away');
      expect(await rows()).toMatchObject([{ state: 'committing', restorableAt: null }]);
      world.one.bucket.storage = store.storage;
      const { object_id } = await world.one.commits.commit(agent.id, request);
      expect(await snapshotIds()).toEqual([object_id]);
      expect(await rows()).toMatchObject([{ state: 'restorable' }]);
    });

    it('between the object and the row are finished by the sweep, once they are left alone', async () => {
      const { object_id } = await agent.commit();
      const { repository } = await world.one.repositories.open(agent.workspace.repositoryId);
      const sealed = await repository.files.load('snapshot', object_id);
      await world.one.database.query(
        `UPDATE snapshots SET state = 'committing', sealed = $2, restorable_at = NULL WHERE workspace_id = $1`,
        [agent.workspace.id, sealed],
      );
      expect(await world.one.commits.finishCommitting()).toBe(0);
      await world.one.database.query(
        `UPDATE snapshots SET received_at = received_at - interval '1 minute' WHERE workspace_id = $1`,
        [agent.workspace.id],
      );
      const two = await world.startProcess();
      const finished = await Promise.all([
        world.one.commits.finishCommitting(),
        two.commits.finishCommitting(),
      ]);
      expect(finished[0] + finished[1]).toBe(1);
      expect(await snapshotIds()).toEqual([object_id]);
      expect(await rows()).toMatchObject([{ state: 'restorable', sealed: null }]);
    });
  });

  it('forget which files they named when the next one is made, so that orders do not pile up', async () => {
    const files = [await agent.store(), await agent.store()];
    const left = await agent.store();
    await agent.commit({ files });
    const next = await agent.store();
    await agent.commit({ files: [...files, next] });
    await agent.commit({ files: [next] });
    const orders = await world.one.database.query<{ id: Buffer }[]>(
      'SELECT id FROM stored_packs WHERE repository_id = $1',
      [agent.workspace.repositoryId],
    );
    expect(orders.map(({ id }) => id.toString('hex')).sort()).toEqual([next, left].sort());
    const [repository] = await world.one.database.query<{ stored_bytes: string }[]>(
      'SELECT stored_bytes FROM repositories WHERE id = $1',
      [agent.workspace.repositoryId],
    );
    expect(repository!.stored_bytes).toBe('1500');
  });

  it('tell of a partial snapshot once, until one is whole again', async () => {
    await world.one.database.query(
      `INSERT INTO webhooks (user_id, url, sealed_secret) VALUES (1, 'https://example.com', 'sealed')`,
    );
    const problems = [{ path: 'a', reason: 'permission-denied' }];
    for (const problem_count of [1, 1, 0, 2]) await agent.commit({ problem_count, problems });
    const told = await world.one.database.query<{ body: string }[]>(
      'SELECT body FROM webhook_deliveries ORDER BY created_at',
    );
    expect(told.map(({ body }) => JSON.parse(body).data.problem_count)).toEqual([1, 2]);
    expect((await rows()).map(({ isPartial }) => isPartial)).toEqual([true, true, false, true]);
  });

  async function expireLease(): Promise<void> {
    await world.one.database.query(`UPDATE leases SET expires_at = now() WHERE repository_id = $1`, [
      agent.workspace.repositoryId,
    ]);
  }

  async function snapshotIds(): Promise<string[]> {
    const { files } = await world.one.repositories.open(agent.workspace.repositoryId);
    const ids: string[] = [];
    for await (const { id } of files.list('snapshot')) ids.push(id);
    return ids;
  }
});

/** A bucket that honours less; `onHead` runs before a HEAD is answered. */
function slowed(
  storage: ObjectStorage,
  capabilities: Partial<StorageCapabilities>,
  onHead: () => Promise<void> = async () => undefined,
): ObjectStorage {
  return overlaid(storage, {
    capabilities: { ...storage.capabilities, ...capabilities },
    head: async (key, options) => {
      await onHead();
      return storage.head(key, options);
    },
  });
}

function failingPuts(storage: ObjectStorage): ObjectStorage {
  return overlaid(storage, { put: () => Promise.reject(new Error('the bucket is away')) });
}
