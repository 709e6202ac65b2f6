import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RepositoryMaintenance } from '../../src/snapshots/maintenance/repository-maintenance.service.js';
import { MaintenanceWorld } from '../integration/maintenance/maintenance-world.js';
import { noise } from '../support/noise.js';
import { restic } from '../support/restic.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const PASSWORD = 'of stock restic';
const { signal } = new AbortController();

describe('stock restic on a repository that the server maintains', () => {
  let world: MaintenanceWorld;

  beforeAll(async () => {
    world = await MaintenanceWorld.start();
  });

  afterAll(() => world.stop());

  it('finds it sound after thinning, after a doom and after a deletion, and keeps its own snapshots in it', async () => {
    const workspace = await world.newWorkspace({ within: { hours: 1 }, newest: 1 });
    await workspace.repository.addKey(PASSWORD, { scryptCost: { n: 1_024, r: 8, p: 1 } });
    for (let run = 12; run > 0; run -= 1) {
      await workspace.write('weights.bin', noise(200_000, run));
      await workspace.snapshot(run > 6 ? 3 * HOUR_MS + run * MINUTE_MS : run * MINUTE_MS);
    }
    await restic(workspace.path, PASSWORD, 'backup', workspace.folder);
    const maintain = () => world.get(RepositoryMaintenance).run(workspace.repositoryId, signal);
    const assertSound = async (snapshots: number) => {
      await restic(workspace.path, PASSWORD, 'check', '--read-data');
      const listed = JSON.parse(await restic(workspace.path, PASSWORD, 'snapshots', '--json')) as unknown[];
      expect(listed).toHaveLength(snapshots);
    };

    expect(await maintain()).toMatchObject({ forgotten: 6 });
    await assertSound(7);
    expect(await workspace.repositoryRow()).toMatchObject({ foreign_snapshots: 1 });

    await workspace.age(13 * HOUR_MS);
    await world.query(`UPDATE repositories SET last_pruned_at = now() - interval '25 hours' WHERE id = $1`, [
      workspace.repositoryId,
    ]);
    const pruned = await maintain();
    expect(pruned).toMatchObject({ prune: { deleted: 0 } });
    await assertSound(7);

    await workspace.age(25 * HOUR_MS);
    expect(await maintain()).toMatchObject({ prune: { deleted: 1 } });
    await assertSound(7);
  });
});
