import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { applyKeepPolicy, type KeepPolicy } from '../../src/snapshot-engine/maintenance/keep-policy.js';
import { Repository } from '../../src/snapshot-engine/repository/repository.js';
import { decodeSnapshot, encodeSnapshot } from '../../src/snapshot-engine/snapshot/snapshot.js';
import { MaintenanceStory, STEPS, STORY_PASSWORD, type Step } from '../support/maintenance-story.js';
import { MemoryRepositoryFiles, MemoryRepositoryStore } from '../support/memory-repository-files.js';
import { Chance } from '../support/prune-simulation/chance.js';
import { restic } from '../support/restic.js';

/* Stock restic judges what maintenance leaves behind, and decides itself what it would forget. */

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-maintenance-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function witness(store: MemoryRepositoryStore): Promise<string> {
  const path = await mkdtemp(join(folder, 'repository-'));
  await store.writeTo(path);
  return path;
}

describe('stock restic after maintenance', () => {
  it('finds nothing wrong after any step, and restores what was kept', async () => {
    const store = new MemoryRepositoryStore();
    const story = new MaintenanceStory(store, join(folder, 'workspaces'));
    for (const step of STEPS) {
      await story.run(step);
      if (step === 'create') continue;
      const path = await witness(store);
      expect([step, await restic(path, STORY_PASSWORD, 'check', '--read-data')]).toEqual([
        step,
        expect.stringContaining('no errors were found'),
      ]);
    }
    expect(store.ids('doomed')).toEqual([]);
    expect(story.prunes[0]!.doomed.length).toBeGreaterThan(0);
  }, 300_000);

  it('finds nothing wrong after a prune that was killed at any third call', async () => {
    const store = new MemoryRepositoryStore();
    const reference = new MaintenanceStory(store, join(folder, 'workspaces'));
    const step: Step = 'prune: repack and doom';
    for (const each of STEPS.slice(0, STEPS.indexOf(step))) await reference.run(each);
    const { calls } = await new MaintenanceStory(
      store.clone(),
      join(folder, 'other'),
      reference.promised,
    ).run(step);
    for (let call = 1; call <= calls.length; call += 3) {
      const killed = store.clone();
      const story = new MaintenanceStory(killed, join(folder, 'workspaces'), reference.promised);
      await story.run(step, { stopAt: { call, mode: 'after-without-answer' } }).catch(() => undefined);
      // What the dead process has locked is removed by whoever comes next.
      for (const id of killed.ids('lock')) killed.delete('lock', id);
      const path = await witness(killed);
      expect(await restic(path, STORY_PASSWORD, 'check', '--read-data')).toContain('no errors were found');
      await restic(path, STORY_PASSWORD, 'restore', 'latest', '--target', join(path, 'restored'));
      await rm(path, { recursive: true, force: true });
    }
  }, 600_000);
});

describe('the keep policy', () => {
  const POLICIES: ReadonlyArray<readonly [KeepPolicy, readonly string[]]> = [
    [{ counts: { last: 5 } }, ['--keep-last', '5']],
    [{ counts: { hourly: 7, daily: 3 } }, ['--keep-hourly', '7', '--keep-daily', '3']],
    [{ counts: { daily: 10, weekly: 8 } }, ['--keep-daily', '10', '--keep-weekly', '8']],
    [{ counts: { monthly: 30, yearly: 10 } }, ['--keep-monthly', '30', '--keep-yearly', '10']],
    [{ within: { days: 3, hours: 5 } }, ['--keep-within', '3d5h']],
    [{ within: { months: 1 }, counts: { yearly: 2 } }, ['--keep-within', '1m', '--keep-yearly', '2']],
    [
      { tiersWithin: { hourly: { days: 2 }, daily: { months: 2 }, monthly: { years: 2 } } },
      ['--keep-within-hourly', '2d', '--keep-within-daily', '2m', '--keep-within-monthly', '2y'],
    ],
    [
      { tags: [['release'], ['a', 'b']], counts: { last: 1 } },
      ['--keep-tag', 'release', '--keep-tag', 'a,b', '--keep-last', '1'],
    ],
  ];

  it.each([1, 2, 3])(
    'keeps what restic keeps, on seeded history %i',
    async (seed) => {
      const store = new MemoryRepositoryStore();
      const story = new MaintenanceStory(store, join(folder, 'workspaces'));
      await story.run('create');
      await story.run('archive 1');
      const snapshots = await makeHistory(store, new Chance(seed));
      const path = await witness(store);
      for (const [policy, options] of POLICIES) {
        // That a count which is not used up keeps the very oldest snapshot too came to restic after 0.14.
        const ours = applyKeepPolicy(snapshots, { ...policy, newest: 1 }, Date.now())
          .filter(({ reasons }) => reasons.some((reason) => !reason.startsWith('oldest')))
          .map(({ id }) => id);
        const answer = await restic(
          path,
          STORY_PASSWORD,
          'forget',
          '--dry-run',
          '--json',
          '--group-by',
          '',
          ...options,
        );
        const [group] = JSON.parse(answer) as [{ keep: { id: string }[] }];
        expect([options, ours.sort()]).toEqual([options, group.keep.map(({ id }) => id).sort()]);
      }
    },
    120_000,
  );

  /** Bursts and gaps over years, to the second, never two at once; in UTC, as we write them. */
  async function makeHistory(store: MemoryRepositoryStore, chance: Chance) {
    const files = new MemoryRepositoryFiles(store);
    const repository = await Repository.open(files, { password: STORY_PASSWORD, now: () => Date.now() });
    const [model] = store.ids('snapshot');

    const { tree } = decodeSnapshot(await repository.loadFile('snapshot', model!), model!);
    store.delete('snapshot', model!);
    const snapshots = [];
    let timeMs = Date.UTC(2026, 9, 1, 12);
    for (let at = 0; at < 150; at += 1) {
      timeMs -=
        1_000 *
        Math.ceil(chance.pick([60, 1_800, 7_200, 90_000, 700_000, 3_000_000]) * (0.1 + chance.next()));
      const tags = chance.pick([[], ['release'], ['a'], ['a', 'b', 'c']]);
      const snapshot = { timeNs: BigInt(timeMs) * 1_000_000n, tree, paths: ['/x'], hostname: 'host', tags };
      snapshots.push({
        id: await repository.saveFile('snapshot', encodeSnapshot(snapshot)),
        receivedAtMs: timeMs,
        tags,
      });
    }
    return snapshots;
  }
});
