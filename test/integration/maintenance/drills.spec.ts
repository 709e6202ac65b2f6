import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Drills } from '../../../src/snapshots/drills/drills.service.js';
import { DrillRuns } from '../../../src/snapshots/drills/drill-runs.service.js';
import { DrillsModule } from '../../../src/snapshots/drills/drills.module.js';
import { rehearseRestore } from '../../../src/snapshots/drills/rehearse-restore.js';
import { RepositoryAccess } from '../../../src/snapshots/maintenance/repository-access.service.js';
import { EngineWorkers } from '../../../src/snapshots/maintenance/engine-workers.service.js';
import { noise } from '../../support/noise.js';
import { MaintenanceWorld, type MaintainedWorkspace } from './maintenance-world.js';

const LAST = { signal: new AbortController().signal, isLastAttempt: true };
const POLICY = { within: { hours: 1 } };

describe('a restore drill', () => {
  let world: MaintenanceWorld;

  beforeAll(async () => {
    world = await MaintenanceWorld.start([DrillsModule]);
    await world.query(
      `INSERT INTO webhooks (user_id, url, sealed_secret) VALUES (1, 'https://example.org', 'x')`,
    );
  });

  afterAll(() => world.stop());

  async function snapshotted(): Promise<{ workspace: MaintainedWorkspace; snapshotId: string }> {
    const workspace = await world.newWorkspace(POLICY);
    await workspace.write('notes.txt', 'to be proven');
    await workspace.write('weights.bin', noise(300_000, workspace.id));
    return { workspace, snapshotId: (await workspace.snapshot(1_000)).id };
  }

  /** Asks for a drill as a user does, and runs it. */
  async function drill({ id }: MaintainedWorkspace): Promise<RestoreRow> {
    await world.get(Drills).ask(1, id, undefined);
    await world.get(DrillRuns).run((await restoreRow(id)).id, LAST);
    return restoreRow(id);
  }

  const restoreRow = async (workspaceId: string): Promise<RestoreRow> =>
    (
      await world.query<RestoreRow>(
        'SELECT * FROM restores WHERE workspace_id = $1 ORDER BY created_at DESC',
        [workspaceId],
      )
    )[0]!;

  async function told(workspaceId: string): Promise<{ type: string; data: Record<string, unknown> }[]> {
    const rows = await world.query<{ body: string }>(
      'SELECT body FROM webhook_deliveries ORDER BY created_at',
    );
    return rows
      .map(({ body }) => JSON.parse(body) as { type: string; data: Record<string, unknown> })
      .filter(({ data }) => data.workspace_id === workspaceId);
  }

  const scratch = () => readdir(join(world.dataDir, 'drills'));

  it('proves a snapshot, says so everywhere, and leaves nothing behind', async () => {
    const { workspace, snapshotId } = await snapshotted();
    const row = await drill(workspace);
    expect(row).toMatchObject({ kind: 'drill', state: 'succeeded', paths: [], agent_id: null });
    expect(row.result).toMatchObject({ files: 2, bytes: 300_012, verified: true, failed_count: 0 });
    const [snapshot] = await world.query<{ last_proven_at: Date | null }>(
      'SELECT last_proven_at FROM snapshots WHERE id = $1',
      [snapshotId],
    );
    expect(snapshot!.last_proven_at).not.toBeNull();
    expect(await told(workspace.id)).toEqual([
      expect.objectContaining({
        type: 'drill.finished',
        data: expect.objectContaining({
          restore_id: row.id,
          snapshot_id: snapshotId,
          files: 2,
          bytes: 300_012,
        }),
      }),
    ]);
    expect(await scratch()).toEqual([]);
  });

  it('of a damaged pack fails, proves nothing, and names what is lost', async () => {
    const { workspace, snapshotId } = await snapshotted();
    await damagePacks(workspace);
    const row = await drill(workspace);
    expect(row.state).not.toBe('succeeded');
    const proven = await world.query('SELECT 1 FROM snapshots WHERE id = $1 AND last_proven_at IS NOT NULL', [
      snapshotId,
    ]);
    expect(proven).toEqual([]);
    const [event] = await told(workspace.id);
    expect(event).toMatchObject({ type: 'drill.failed', data: { restore_id: row.id } });
    expect(await scratch()).toEqual([]);
  });

  it('of more than there is room for rehearses a part, and does not call that a proof', async () => {
    const { workspace } = await snapshotted();
    const { objectId } = await restorePlace(workspace);
    const outcome = await world.get(RepositoryAccess).with(workspace.repositoryId, 'drill', (opened) =>
      rehearseRestore(opened, {
        objectId,
        target: join(world.dataDir, 'part'),
        limitBytes: 1_000,
        workers: world.get(EngineWorkers).shared,
        random: () => 0,
        signal: LAST.signal,
        onProgress: () => undefined,
      }),
    );
    expect(outcome.extent.paths?.map(String)).toEqual(['notes.txt']);
    expect(outcome).toMatchObject({ verified: true, extent: { bytes: 12, totalBytes: 300_012 } });
    expect(await readdir(join(world.dataDir, 'part'))).toEqual(['notes.txt']);
  });

  it('that was killed begins anew; what it had left is removed', async () => {
    const { workspace } = await snapshotted();
    await world.get(Drills).ask(1, workspace.id, undefined);
    const { id } = await restoreRow(workspace.id);
    await world.query(`UPDATE restores SET state = 'running', started_at = now() WHERE id = $1`, [id]);
    const left = join(world.dataDir, 'drills', id);
    await world
      .get(DrillRuns)
      .run(id, LAST)
      .then(() => undefined);
    expect((await restoreRow(workspace.id)).state).toBe('succeeded');
    await writeFile(left, 'of a drill that has ended');
    await drill((await snapshotted()).workspace);
    expect(await scratch()).toEqual([]);
  });

  it('that somebody cancels before it begins does nothing', async () => {
    const { workspace } = await snapshotted();
    await world.get(Drills).ask(1, workspace.id, undefined);
    const { id } = await restoreRow(workspace.id);
    await world.query(`UPDATE restores SET state = 'cancelling' WHERE id = $1`, [id]);
    await world.get(DrillRuns).run(id, LAST);
    expect(await restoreRow(workspace.id)).toMatchObject({ state: 'cancelled', result: null });
    expect(await told(workspace.id)).toEqual([]);
  });

  it('is asked for once at a time, of one’s own workspaces and snapshots', async () => {
    const { workspace } = await snapshotted();
    const other = await snapshotted();
    const drills = world.get(Drills);
    const [first, second] = await Promise.all([1, 2].map(() => drills.ask(1, workspace.id, undefined)));
    expect(second!.id).toBe(first!.id);
    await expect(drills.ask(2, workspace.id, undefined)).rejects.toMatchObject({ code: 'not_found' });
    await expect(drills.ask(1, workspace.id, other.snapshotId)).rejects.toMatchObject({ code: 'not_found' });
    const empty = await world.newWorkspace(POLICY);
    await expect(drills.ask(1, empty.id, undefined)).rejects.toMatchObject({ code: 'no_snapshot' });
  });

  it('is due once a day for each workspace that has a snapshot', async () => {
    const { workspace } = await snapshotted();
    await world.newWorkspace(POLICY);
    await world.get(Drills).enqueueDue();
    await world.get(Drills).enqueueDue();
    const mine = await world.query('SELECT 1 FROM restores WHERE workspace_id = $1', [workspace.id]);
    expect(mine).toHaveLength(1);
  });

  async function restorePlace(workspace: MaintainedWorkspace): Promise<{ objectId: string }> {
    const [found] = await world.query<{ objectId: string }>(
      `SELECT encode(object_id, 'hex') AS "objectId" FROM snapshots WHERE workspace_id = $1`,
      [workspace.id],
    );
    return found!;
  }

  /** The first bytes of every pack. */
  async function damagePacks({ path }: MaintainedWorkspace): Promise<void> {
    const files = await readdir(join(path, 'data'), { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) {
      await writeFile(join(file.parentPath, file.name), 'damaged', { flag: 'r+' });
    }
  }
});

interface RestoreRow {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly paths: string[];
  readonly agent_id: string | null;
  readonly result: Record<string, unknown> | null;
}
