import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkRepository, InlineWorkers } from '../../src/snapshot-engine/index.js';
import { ENGINE_SERVICES } from '../../src/snapshot-engine/engine-worker.js';
import { acquireLock, LOCK_TIMINGS } from '../../src/snapshot-engine/repository/locks.js';
import { JobQueue } from '../../src/jobs/job-queue.service.js';
import { MaintenanceLeases } from '../../src/snapshots/maintenance/maintenance-leases.service.js';
import { MaintenanceTasks } from '../../src/snapshots/maintenance/maintenance-tasks.service.js';
import { RepositoryMaintenance } from '../../src/snapshots/maintenance/repository-maintenance.service.js';
import { MaintenanceWorld, type MaintainedWorkspace } from '../integration/maintenance/maintenance-world.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const NEVER = new AbortController().signal;
/** Everything of the last hour, then one a day. */
const POLICY = { within: { hours: 1 }, tiersWithin: { daily: { days: 30 } }, newest: 1 };

describe('the maintenance of a repository', () => {
  let world: MaintenanceWorld;

  beforeAll(async () => {
    world = await MaintenanceWorld.start();
  });

  afterAll(() => world.stop());

  const maintain = ({ repositoryId }: MaintainedWorkspace) =>
    world.get(RepositoryMaintenance).run(repositoryId, NEVER);

  /** One of the day before, three of one hour of yesterday of which the newest stays, and one of now. */
  async function thinnable() {
    const workspace = await world.newWorkspace(POLICY);
    const yesterday = noonYesterday();
    const made = [];
    for (const agoMs of [
      yesterday + DAY_MS,
      yesterday + 20 * MINUTE_MS,
      yesterday + 10 * MINUTE_MS,
      yesterday,
      MINUTE_MS,
    ]) {
      await workspace.write('changing.txt', `received ${agoMs} ms ago`);
      made.push(await workspace.snapshot(agoMs));
    }
    return { workspace, made };
  }

  it('thins out by the policy, keeps what is protected or foreign, and leaves a sound repository', async () => {
    const { workspace, made } = await thinnable();
    const [oldest, protectedOne, goes, ...newer] = made;
    const stay = [oldest!, protectedOne!, ...newer];
    await world.query('UPDATE snapshots SET is_protected = true WHERE id = $1', [protectedOne!.id]);
    await workspace.write('changing.txt', 'of another program');
    const foreign = await workspace.archive();
    expect(await maintain(workspace)).toEqual({ forgotten: 1, deferred: 0 });
    expect((await workspace.rows()).map(({ id }) => id)).toEqual(stay.map(({ id }) => id));
    const objects = await workspace.files('snapshot');
    expect(objects).not.toContain(goes!.objectId);
    expect(objects.sort()).toEqual([...stay, foreign].map(({ objectId }) => objectId).sort());
    expect(await workspace.files('lock')).toEqual([]);
    expect(await workspace.repositoryRow()).toMatchObject({
      foreign_snapshots: 1,
      has_garbage: true,
      last_maintenance_problem: null,
      maintained_by: null,
    });
    const { files, cipher, masterKey } = workspace.repository;
    const workers = new InlineWorkers(ENGINE_SERVICES);
    const expectedSnapshots = objects;
    const check = await checkRepository(
      { files, cipher, masterKey },
      { workers, readData: 'all', expectedSnapshots },
    );
    expect(check.errorCount).toBe(0);
  });

  it('asks the bucket for nothing when there is nothing to do', async () => {
    const { workspace } = await thinnable();
    await maintain(workspace);
    const before = (await workspace.repositoryRow()).maintenance_requests;
    expect(Number(before)).toBeGreaterThan(0);
    expect(await maintain(workspace)).toEqual({ forgotten: 0, deferred: 0 });
    expect((await workspace.repositoryRow()).maintenance_requests).toBe(before);
  });

  it('takes at most half of the snapshots in one run', async () => {
    const workspace = await world.newWorkspace({ counts: { daily: 1 }, newest: 1 });
    const yesterday = noonYesterday();
    for (const minutes of [50, 40, 30, 20, 10]) {
      await workspace.write('changing.txt', `${minutes}`);
      await workspace.snapshot(yesterday + minutes * MINUTE_MS);
    }
    expect(await maintain(workspace)).toEqual({ forgotten: 2, deferred: 2 });
    expect(await maintain(workspace)).toEqual({ forgotten: 1, deferred: 1 });
  });

  it('leaves alone what a restore is bringing back', async () => {
    const { workspace, made } = await thinnable();
    await world.query(
      `INSERT INTO restores (user_id, workspace_id, snapshot_id, snapshot_object_id, target)
       VALUES (1, $1, $2, $3, '/back')`,
      [workspace.id, made[2]!.id, Buffer.from(made[2]!.objectId, 'hex')],
    );
    expect(await maintain(workspace)).toMatchObject({ forgotten: 1 });
    expect((await workspace.rows()).map(({ id }) => id)).toContain(made[2]!.id);
  });

  it('goes on where a run ended between the object and the row; meanwhile nobody is promised the snapshot', async () => {
    const { workspace, made } = await thinnable();
    await world.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'the power went out'; END $$`);
    await world.query('CREATE TRIGGER refuse BEFORE DELETE ON snapshots EXECUTE FUNCTION refuse()');
    await expect(maintain(workspace)).rejects.toThrow('the power went out');
    await world.query('DROP TRIGGER refuse ON snapshots');
    expect(await workspace.files('snapshot')).toHaveLength(3);
    expect((await workspace.rows()).map(({ state }) => state)).toEqual([
      'restorable',
      'forgetting',
      'forgetting',
      'restorable',
      'restorable',
    ]);
    expect(await maintain(workspace)).toMatchObject({ forgotten: 2 });
    expect((await workspace.rows()).map(({ id }) => id)).toEqual(
      [made[0]!, ...made.slice(3)].map(({ id }) => id),
    );
  });

  it('is one run at a time, and one that was taken over changes no row', async () => {
    const { workspace } = await thinnable();
    const leases = world.get(MaintenanceLeases);
    const outcome = await leases
      .hold(workspace.repositoryId, NEVER, async (lease) => {
        expect(await maintain(workspace)).toBe('busy');
        await world.query(
          `UPDATE repositories SET maintained_until = now() - interval '1 second' WHERE id = $1`,
          [workspace.repositoryId],
        );
        expect(await maintain(workspace)).toMatchObject({ forgotten: 2 });
        await lease.transaction(async () => 'changed');
      })
      .catch((error: Error) => error.name);
    expect(outcome).toBe('MaintenanceLeaseLost');
  });

  it('shows snapshots that somebody else removed as missing, and tells of it', async () => {
    const { workspace, made } = await thinnable();
    await world.query(
      `INSERT INTO webhooks (user_id, url, sealed_secret) VALUES (1, 'https://example.org', 'x')`,
    );
    await workspace.repository.files.remove('snapshot', made[4]!.objectId);
    await maintain(workspace);
    expect((await workspace.rows()).map(({ state }) => state)).toEqual([
      'restorable',
      'restorable',
      'missing',
    ]);
    expect((await workspace.repositoryRow()).last_check_problem).toMatch(/^A snapshot is not in the bucket/);
    const told = await world.query<{ event_type: string; body: string }>('SELECT * FROM webhook_deliveries');
    expect(told.map(({ event_type: type }) => type)).toEqual(['repository.problem']);
    expect(JSON.parse(told[0]!.body)).toMatchObject({ data: { workspace_id: workspace.id } });
  });

  it('waits for another program that holds the repository, and says whom', async () => {
    const { workspace } = await thinnable();
    const lock = await acquireLock(workspace.repository, {
      mode: 'append',
      holder: { hostname: 'laptop', username: 'ada', pid: 4711 },
      now: Date.now,
      timings: { ...LOCK_TIMINGS, checkWaitMs: 1 },
    });
    await expect(maintain(workspace)).rejects.toMatchObject({ code: 'repository_locked' });
    await world.get(MaintenanceTasks).maintain(workspace.repositoryId, NEVER);
    expect(await workspace.repositoryRow()).toMatchObject({
      last_maintenance_problem: expect.stringContaining('ada on laptop (process 4711)'),
    });
    expect(await workspace.rows()).toHaveLength(5);
    await lock.release();
    await world.get(MaintenanceTasks).maintain(workspace.repositoryId, NEVER);
    expect(await workspace.repositoryRow()).toMatchObject({ last_maintenance_problem: null });
    expect(await workspace.rows()).toHaveLength(3);
  });

  it('dooms what nobody needs, tells commits of it, and deletes it after the grace period', async () => {
    const { workspace } = await thinnable();
    await maintain(workspace);
    await workspace.age(13 * HOUR_MS);
    await world.query(
      `UPDATE repositories SET has_garbage = true, last_pruned_at = now() - interval '25 hours'
      WHERE id = $1`,
      [workspace.repositoryId],
    );
    // Two packs, of files and of directories, for each of the two snapshots that went.
    expect(await maintain(workspace)).toMatchObject({ prune: { doomed: 4, deleted: 0, waiting: 4 } });
    expect(await workspace.repositoryRow()).toMatchObject({ generation: 1, has_garbage: false });
    expect(await workspace.files('index')).toHaveLength(3);
    await workspace.age(25 * HOUR_MS);
    expect(await maintain(workspace)).toMatchObject({ prune: { doomed: 0, deleted: 1 } });
    const rows = await world.query<{ id: string }>(
      `SELECT encode(id, 'hex') AS id FROM stored_packs WHERE repository_id = $1`,
      [workspace.repositoryId],
    );
    const stored = [...(await workspace.files('pack')), ...(await workspace.files('index'))];
    expect(rows.map(({ id }) => id).filter((id) => !stored.includes(id))).toEqual([]);
  });

  it('is found due with its checks, once', async () => {
    const { workspace } = await thinnable();
    const queued: string[] = [];
    const queue = world.get(JobQueue);
    await world.query(`DELETE FROM graphile_worker._private_jobs`);
    await world.get(MaintenanceTasks).enqueueDue();
    await world.get(MaintenanceTasks).enqueueDue();
    const jobs = await world.query<{ key: string }>(`SELECT key FROM graphile_worker.jobs`);
    queued.push(...jobs.map(({ key }) => key));
    expect(queue).toBeDefined();
    expect(queued.filter((key) => key.endsWith(workspace.repositoryId)).sort()).toEqual([
      `repository.check:${workspace.repositoryId}`,
      `repository.maintain:${workspace.repositoryId}`,
    ]);
  });
});

/** How long ago noon of yesterday was, in UTC: minutes around it fall on one day, an hour and more before now. */
function noonYesterday(): number {
  const nowMs = Date.now();
  return (nowMs % DAY_MS) + DAY_MS / 2;
}
