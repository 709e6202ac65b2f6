import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import { SeededRandom } from '../support/seeded-random.js';
import { ChaosWorld } from '../support/workspace-chaos/chaos-world.js';
import { CLOUDS } from '../support/workspace-chaos/clouds.js';
import type { LineFaults } from '../support/tcp-proxy.js';

/*
 * Half an hour of a fleet in minutes: two hosts whose workspaces change all the time, saved every 5 seconds, while the
 * line to the bucket fails in every way and everybody is killed again and again. Together the clouds see 102 kills.
 */
const INTERVAL_SECONDS = 5;
const CALM_MS = 45_000;
const KILLS = 34;
const KILL_EVERY_MS = 1_500;
const MAX_MS = 8 * 60_000;

describe.each(Object.keys(CLOUDS) as (keyof typeof CLOUDS)[])('workspaces saved to %s', (name) => {
  let world: ChaosWorld;

  beforeEach(async () => {
    world = new ChaosWorld(await CLOUDS[name](), INTERVAL_SECONDS);
    await world.start();
  });
  afterEach(async () => {
    await world?.stop();
    await world?.cloud.stop();
  });

  it(
    'keep every acknowledged snapshot, and are never old while all is well',
    async () => {
      await world.settle();
      for (const { workspace } of world.hosts) workspace.startChanging();
      const ages = await agesWhileCalm(world);
      expect(ages.length).toBeGreaterThan(100);
      // Other specs run beside this one, so that hosts and server may have to wait for the machine: how old a snapshot gets
      // otherwise is measured in bench/agents.
      expect(percentile(ages, 50)).toBeLessThanOrEqual(3 * INTERVAL_SECONDS);
      expect(percentile(ages, 99)).toBeLessThanOrEqual(12 * INTERVAL_SECONDS);

      const acknowledged = await kill(world, new SeededRandom(`chaos ${name}`));
      await world.settle();
      for (const host of world.hosts) {
        const now = await world.snapshotsOf(host);
        const before = acknowledged.get(host.workspaceId) ?? new Set();
        expect(before.size).toBeGreaterThan(0);
        expect([...before].filter((id) => !now.some(({ restic_id }) => restic_id === id))).toEqual([]);
        await world.prove(host, new Set(now.map(({ restic_id }) => restic_id)));
      }
    },
    MAX_MS,
  );
});

async function agesWhileCalm(world: ChaosWorld): Promise<number[]> {
  const ages: number[] = [];
  const until = performance.now() + CALM_MS;
  while (performance.now() < until) {
    for (const host of world.hosts) ages.push(await world.ageOf(host));
    await setTimeout(250);
  }
  return ages;
}

const FAULTS: ReadonlyArray<Partial<LineFaults>> = [
  { latencyMs: 200 },
  { bytesPerSecond: 200_000 },
  { blackHole: true },
  { refuse: true },
  { unavailable: true },
  { cutAfterUpBytes: 30_000 },
  { cutAfterDownBytes: 2_000 },
];
const WELL: LineFaults = {
  latencyMs: 0,
  bytesPerSecond: 0,
  blackHole: false,
  refuse: false,
  unavailable: false,
  cutAfterUpBytes: undefined,
  cutAfterDownBytes: undefined,
};

/** Kills somebody every now and then, on a line that is well half of the time. Answers what was acknowledged meanwhile. */
async function kill(world: ChaosWorld, random: SeededRandom): Promise<Map<string, Set<string>>> {
  const acknowledged = new Map<string, Set<string>>(world.hosts.map((host) => [host.workspaceId, new Set()]));
  for (let kills = 0; kills < KILLS; kills++) {
    Object.assign(world.cloud.line.faults, WELL, random.chance(50) && random.pick(FAULTS));
    // Connections that are open do not notice what holds for new ones.
    if (random.chance(50)) world.cloud.line.reset();
    await setTimeout(KILL_EVERY_MS / 2 + random.below(KILL_EVERY_MS));
    for (const host of world.hosts) {
      for (const { restic_id: id } of await world.snapshotsOf(host))
        acknowledged.get(host.workspaceId)!.add(id);
    }
    if (random.chance(34)) {
      await world.server.kill();
      await world.server.restart();
    } else {
      const { host } = random.pick(world.hosts);
      await host.kill();
      host.start();
    }
  }
  Object.assign(world.cloud.line.faults, WELL);
  return acknowledged;
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]!;
}
