import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Jobs } from '../../../src/jobs/jobs.service.js';
import { AskedChecks } from '../../../src/snapshots/maintenance/asked-checks.service.js';
import {
  RepositoryChecks,
  type ReadDataChoice,
} from '../../../src/snapshots/maintenance/repository-checks.service.js';
import { MaintenanceLeases } from '../../../src/snapshots/maintenance/maintenance-leases.service.js';
import { noise } from '../../support/noise.js';
import { MaintenanceWorld, type MaintainedWorkspace } from './maintenance-world.js';

const { signal } = new AbortController();
const RUN = { attempt: 1, isLastAttempt: false, signal };

describe('a check of a repository', () => {
  let world: MaintenanceWorld;

  beforeAll(async () => {
    world = await MaintenanceWorld.start();
    await world.query(
      `INSERT INTO webhooks (user_id, url, sealed_secret) VALUES (1, 'https://example.org', 'x')`,
    );
  });

  afterAll(() => world.stop());

  async function snapshotted(): Promise<MaintainedWorkspace> {
    const workspace = await world.newWorkspace({ within: { hours: 1 } });
    await workspace.write('weights.bin', noise(5_000, workspace.id));
    await workspace.snapshot(1_000);
    return workspace;
  }

  /** Asked for as a user does, and run. */
  async function check({ id, repositoryId }: MaintainedWorkspace, readData: ReadDataChoice, run = RUN) {
    const job = await world.get(AskedChecks).ask(1, id, readData);
    await world.get(RepositoryChecks).runJob(job.id, repositoryId, readData, run);
    return world.get(Jobs).find(1, job.id);
  }

  it('of a sound repository says how much it looked at', async () => {
    const workspace = await snapshotted();
    const job = await check(workspace, 'all');
    expect(job).toMatchObject({
      state: 'succeeded',
      result: { snapshots: 1, packs: 2, packs_read: 2, error_count: 0, problems: [] },
    });
    const row = await workspace.repositoryRow();
    expect(row).toMatchObject({ last_check_problem: null, check_problem_share: null, maintained_by: null });
    expect(row.last_checked_at).not.toBeNull();
    expect(await workspace.files('lock')).toEqual([]);
  });

  it('finds damage only by reading, names what suffers, tells once, and stands until all is read again', async () => {
    const workspace = await snapshotted();
    const mend = await flipOneByte(workspace);
    expect(await check(workspace, 'none')).toMatchObject({ result: { error_count: 0 } });
    const job = await check(workspace, 'all');
    expect(job!.state).toBe('succeeded');
    expect(job!.result!.error_count).toBeGreaterThan(0);
    const { last_check_problem: problem } = await workspace.repositoryRow();
    expect(problem).toEqual(expect.stringMatching(/pack [0-9a-f]{64}/i));
    await check(workspace, 'all');
    await check(workspace, 'none');
    expect((await workspace.repositoryRow()).last_check_problem).toBe(problem);
    const events = await world.query<{ body: string }>('SELECT body FROM webhook_deliveries');
    expect(events.filter(({ body }) => body.includes(workspace.repositoryId))).toHaveLength(1);
    await mend();
    await check(workspace, 'all');
    expect((await workspace.repositoryRow()).last_check_problem).toBeNull();
  });

  it('misses a snapshot that its row promises', async () => {
    const workspace = await snapshotted();
    const [object] = await workspace.files('snapshot');
    await workspace.repository.files.remove('snapshot', object!);
    expect(await check(workspace, 'none')).toMatchObject({
      result: { error_count: 1, problems: [{ subject: `snapshot ${object}` }] },
    });
  });

  it('waits for maintenance, and says so when it has waited for long', async () => {
    const workspace = await snapshotted();
    await world.get(MaintenanceLeases).hold(workspace.repositoryId, signal, async () => {
      await expect(check(workspace, 'none')).rejects.toThrow('under way');
      const last = await check(workspace, 'none', { ...RUN, isLastAttempt: true });
      expect(last).toMatchObject({ state: 'failed', errorCode: 'conflict' });
    });
  });

  it('is asked for once at a time, and only of one’s own workspaces', async () => {
    const workspace = await snapshotted();
    const asked = world.get(AskedChecks);
    const [first, second] = await Promise.all([1, 2].map(() => asked.ask(1, workspace.id, 'none')));
    expect(second!.id).toBe(first!.id);
    await expect(asked.ask(2, workspace.id, 'none')).rejects.toMatchObject({ code: 'not_found' });
  });
});

/** In the middle of the largest pack, which is the one with the file. @returns how to undo it */
async function flipOneByte({ path }: MaintainedWorkspace): Promise<() => Promise<void>> {
  const files = await readdir(join(path, 'data'), { recursive: true, withFileTypes: true });
  const packs = files.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const contents = await Promise.all(packs.map(async (file) => ({ file, whole: await readFile(file) })));
  const { file, whole } = contents.sort((left, right) => right.whole.length - left.whole.length)[0]!;
  const damaged = Buffer.from(whole);
  damaged[2_000]! ^= 1;
  await writeFile(file, damaged);
  return () => writeFile(file, whole);
}
