import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Leases } from '../../../src/repositories/leases.service.js';
import { UnprovenPacks } from '../../../src/repositories/unproven-packs.service.js';
import { headerSizeBytes } from '../../../src/snapshot-engine/pack/pack-header.js';
import type { PackedBlob } from '../../../src/snapshot-engine/pack/packed-blob.js';
import { MaintenanceLeases } from '../../../src/snapshots/maintenance/maintenance-leases.service.js';
import { MaintenanceTasks } from '../../../src/snapshots/maintenance/maintenance-tasks.service.js';
import { RepositoryChecks } from '../../../src/snapshots/maintenance/repository-checks.service.js';
import { RepositoryMaintenance } from '../../../src/snapshots/maintenance/repository-maintenance.service.js';
import { falseClaim } from '../../support/false-claims.js';
import { noise } from '../../support/noise.js';
import { MaintenanceWorld, type MaintainedWorkspace } from './maintenance-world.js';

const { signal } = new AbortController();
const HOUR_MS = 3_600_000;

/** Packs that an agent’s index files name, and what becomes of those that lie. */
describe('maintenance of packs that nobody but their host has read', () => {
  let world: MaintenanceWorld;
  let otherAgent: string;

  beforeAll(async () => {
    world = await MaintenanceWorld.start();
    await world.query(
      `INSERT INTO webhooks (user_id, url, sealed_secret) VALUES (1, 'https://example.org', 'x')`,
    );
    const [key] = await world.query<{ id: string }>(
      `INSERT INTO api_keys (user_id, kind, name, scopes, key_hash, last4)
       VALUES (1, 'agent', 'other', '{agent}', $1, 'abcd') RETURNING id`,
      [randomBytes(32)],
    );
    const [agent] = await world.query<{ id: string }>(
      `INSERT INTO agents (user_id, api_key_id, name, hostname, platform, program_version)
       VALUES (1, $1, 'other', 'host', 'linux x64', '0.1.0') RETURNING id`,
      [key!.id],
    );
    otherAgent = agent!.id;
  });
  afterAll(() => world.stop());

  /** With one snapshot, its packs as they are noted when an agent stores its index file. */
  async function snapshotted(): Promise<MaintainedWorkspace> {
    const workspace = await world.newWorkspace({ within: { hours: 1 } });
    await workspace.write('weights.bin', noise(50_000, workspace.id));
    await workspace.snapshot(1_000);
    await claimed(workspace, await workspace.files('pack'));
    return workspace;
  }

  async function claimed({ id, repositoryId }: MaintainedWorkspace, packIds: readonly string[]) {
    const [row] = await world.query<{ agent_id: string }>('SELECT agent_id FROM workspaces WHERE id = $1', [
      id,
    ]);
    await world.get(UnprovenPacks).note(repositoryId, row!.agent_id, packIds);
  }

  async function lie(workspace: MaintainedWorkspace, blobs: readonly PackedBlob[]): Promise<string> {
    const { packId, pack, index } = await falseClaim(workspace.repository, blobs, (lengthBytes) =>
      noise(lengthBytes + headerSizeBytes(blobs), 'garbage'),
    );
    await claimed(workspace, [packId]);
    await workspace.repository.files.save('pack', packId, pack);
    await workspace.repository.files.save('index', index.id, index.bytes);
    return packId;
  }

  async function blobsOf({ repository }: MaintainedWorkspace, type: string): Promise<PackedBlob[]> {
    const index = await repository.loadIndex();
    return [...index.packs()].flatMap((pack) => pack.blobs()).filter((blob) => blob.type === type);
  }

  const maintain = async ({ repositoryId }: MaintainedWorkspace) =>
    world.get(RepositoryMaintenance).run(repositoryId, signal);
  const olden = ({ repositoryId }: MaintainedWorkspace, agoMs: number) =>
    world.query('UPDATE unproven_packs SET claimed_at = $2 WHERE repository_id = $1', [
      repositoryId,
      new Date(Date.now() - agoMs),
    ]);
  const unproven = async ({ repositoryId }: MaintainedWorkspace) =>
    world.query<{ id: string; are_copies_read: boolean }>(
      `SELECT encode(id, 'hex') AS id, are_copies_read FROM unproven_packs WHERE repository_id = $1 ORDER BY id`,
      [repositoryId],
    );
  const move = ({ id }: MaintainedWorkspace) =>
    world.query('UPDATE workspaces SET agent_id = $2 WHERE id = $1', [id, otherAgent]);
  const events = async ({ repositoryId }: MaintainedWorkspace) =>
    (await world.query<{ body: string }>('SELECT body FROM webhook_deliveries')).filter(({ body }) =>
      body.includes(repositoryId),
    );

  it('reads what is said to lie in two packs, strikes the one that lies, and tells once', async () => {
    const workspace = await snapshotted();
    const genuine = await workspace.files('pack');
    const lying = await lie(workspace, await blobsOf(workspace, 'data'));
    expect(await maintain(workspace)).toEqual({ forgotten: 0, deferred: 0 });
    await olden(workspace, 7 * HOUR_MS);
    expect(await maintain(workspace)).toMatchObject({ proofs: { struck: 1, proven: 0, unread: 0 } });
    const index = await workspace.repository.loadIndex();
    expect([...index.packs()].map(({ id }) => id).sort()).toEqual(genuine.sort());
    expect(await workspace.repositoryRow()).toMatchObject({
      generation: 1,
      last_check_problem: null,
      last_maintenance_problem: null,
    });
    expect(
      await world.query('SELECT 1 FROM doomed_packs WHERE id = $1', [Buffer.from(lying, 'hex')]),
    ).toHaveLength(1);
    expect(await unproven(workspace)).toEqual(genuine.map((id) => ({ id, are_copies_read: true })));
    expect((await events(workspace)).map(({ body }) => body)).toEqual([expect.stringContaining(lying)]);
    // Nothing is due any more.
    expect(await maintain(workspace)).toEqual({ forgotten: 0, deferred: 0 });
  });

  it('reads everything of a former agent when another takes the lease, and so finds what was claimed in advance', async () => {
    const workspace = await snapshotted();
    const [blob] = await blobsOf(workspace, 'data');
    const lying = await lie(workspace, [{ ...blob!, id: 'ab'.repeat(32) }]);
    await world.query(`UPDATE repositories SET maintain_after = now() + interval '1 hour' WHERE id = $1`, [
      workspace.repositoryId,
    ]);
    const before = await workspace.repositoryRow();
    await move(workspace);
    const lease = await world.get(Leases).take(otherAgent, workspace.id);
    const { maintain_after: hastened } = await workspace.repositoryRow();
    expect((hastened as Date).getTime()).toBeLessThan((before.maintain_after as Date).getTime());
    expect(await maintain(workspace)).toMatchObject({ proofs: { struck: 1, proven: 2, unread: 0 } });
    expect((await workspace.repository.loadIndex()).hasPack(lying)).toBe(false);
    expect(await unproven(workspace)).toEqual([]);
    // What it has loaded is wrong: it begins anew, with an index that lacks what was claimed.
    const hold = { workspace_id: workspace.id, fencing: lease.fencing };
    expect(await world.get(Leases).renew(otherAgent, [hold])).toEqual([]);
    expect((await world.get(Leases).take(otherAgent, workspace.id)).generation).toBe(lease.generation + 1);
    expect(await maintain(workspace)).toEqual({ forgotten: 0, deferred: 0 });
  });

  it('looks again soon when a check has the repository, and at once when somebody asked meanwhile', async () => {
    const { repositoryId } = await world.newWorkspace({ within: { hours: 1 } });
    const tasks = world.get(MaintenanceTasks);
    const due = async (inSeconds: number) =>
      world.query(`UPDATE repositories SET maintain_after = now() + $2 * interval '1 second' WHERE id = $1`, [
        repositoryId,
        inSeconds,
      ]);
    const nextLookSeconds = async () => {
      const [row] = await world.query<{ seconds: number }>(
        'SELECT extract(epoch FROM maintain_after - last_maintained_at)::integer AS seconds FROM repositories WHERE id = $1',
        [repositoryId],
      );
      return row!.seconds;
    };
    await due(6 * 3_600);
    await tasks.maintain(repositoryId, signal);
    expect(await nextLookSeconds()).toBe(1_200);
    await due(6 * 3_600);
    await world.get(MaintenanceLeases).hold(repositoryId, signal, () => tasks.maintain(repositoryId, signal));
    expect(await nextLookSeconds()).toBe(60);
    await due(-1);
    await tasks.maintain(repositoryId, signal);
    expect(await nextLookSeconds()).toBeLessThan(0);
  });

  it('says what cannot be restored, until a check finds that somebody has stored it again', async () => {
    const workspace = await snapshotted();
    const index = await workspace.repository.loadIndex();
    const data = [...index.packs()].find((pack) => pack.blobs()[0]!.type === 'data')!;
    const { files } = workspace.repository;
    await files.remove('pack', data.id);
    await move(workspace);
    expect(await maintain(workspace)).toMatchObject({ proofs: { struck: 1, proven: 1 } });
    const { last_check_problem: problem, check_after: checkAfter } = await workspace.repositoryRow();
    expect(problem).toContain('/weights.bin');
    expect((checkAfter as Date).getTime()).toBeLessThan(Date.now() + 2 * HOUR_MS);
    expect(await events(workspace)).toHaveLength(1);
    await workspace.archive();
    await world
      .get(RepositoryChecks)
      .runDue(workspace.repositoryId, { attempt: 1, isLastAttempt: true, signal });
    expect((await workspace.repositoryRow()).last_check_problem).toBeNull();
  });

  it('takes a check’s word for packs that it has read', async () => {
    const workspace = await snapshotted();
    expect(await unproven(workspace)).toHaveLength(2);
    const check = world.get(RepositoryChecks);
    const [job] = await world.query<{ id: string }>(
      `INSERT INTO jobs (user_id, kind, subject) VALUES (1, 'repository.check', $1) RETURNING id`,
      [`workspace:${workspace.id}`],
    );
    await check.runJob(job!.id, workspace.repositoryId, 'all', { attempt: 1, isLastAttempt: true, signal });
    expect(await unproven(workspace)).toEqual([]);
  });

  it('begins anew with a pack that is named again while it was being read', async () => {
    const workspace = await snapshotted();
    const packs = await world.get(UnprovenPacks).of(workspace.repositoryId);
    await claimed(workspace, [packs[0]!.id]);
    const findings = { settled: packs.map(({ id }) => id), copiesRead: [], unnamed: [] };
    await world.transaction((manager) =>
      world.get(UnprovenPacks).conclude(manager, workspace.repositoryId, packs, findings),
    );
    expect((await unproven(workspace)).map(({ id }) => id)).toEqual([packs[0]!.id]);
  });
});
