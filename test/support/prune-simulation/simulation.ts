import { Reachability } from '../../../src/snapshot-engine/maintenance/reachability.js';
import { readState } from '../../../src/snapshot-engine/maintenance/repository-state.js';
import { Maintainer } from './maintainer.js';
import { HOUR_MS, World, type EventCounts } from './world.js';
import { Writer } from './writer.js';

export interface Outcome {
  readonly counts: EventCounts;
  /** What was lost, in words; must be empty. */
  readonly losses: readonly string[];
  /** Packs that nobody needs and that were still there after the quiet days at the end. */
  readonly garbage: readonly string[];
}

const DAY_MS = 24 * HOUR_MS;

/** Days of trouble, then quiet ones in which everything must come to rest. */
const TROUBLE_DAYS = 3;
const MAX_QUIET_RUNS = 12;

/** Two writers and two maintainers in one bucket. The same seed gives the same story. */
export async function simulate(seed: number): Promise<Outcome> {
  const world = new World(seed);
  world.endMs = world.time.nowMs + TROUBLE_DAYS * DAY_MS;
  const lives = [
    ...['ann', 'ben'].map((name) => new Writer(world, name).live()),
    ...[1, 2].map(() => new Maintainer(world).live()),
  ];
  await world.time.during(Promise.all(lives));
  const garbage = await world.time.during(settle(world));
  return { counts: world.counts, losses: world.store.losses, garbage };
}

async function settle(world: World): Promise<string[]> {
  world.trouble = false;
  const maintainer = new Maintainer(world);
  let garbage: string[] = [];
  for (let run = 0; run < MAX_QUIET_RUNS; run += 1) {
    await world.time.sleep(1.1 * DAY_MS);
    await maintainer.runOnce(world.process(150));
    garbage = await unneeded(world);
    if (garbage.length === 0 && world.store.ids('doomed').length === 0) break;
  }
  return garbage;
}

/** Reads everything as a reader does; notes as lost what cannot be found. */
async function unneeded(world: World): Promise<string[]> {
  const { repository } = world.process(150);
  const state = await readState(repository);
  const reachable = new Reachability({ ...repository, index: state.index });
  for (const { tree } of state.snapshots.values()) reachable.meet('tree', tree);
  await reachable.walk();
  for (const { type, id } of reachable.takeMissing())
    world.store.losses.push(`${type} ${id} is in no index at the end.`);
  for (const id of world.store.committed.keys()) {
    if (!state.snapshots.has(id)) world.store.losses.push(`Snapshot ${id} is gone at the end.`);
  }
  const isNeeded = (packId: string) =>
    state.index
      .pack(packId)
      ?.blobs()
      .some(({ type, id }) => reachable.isUsed(type, id)) ?? false;
  return [...state.packs.keys()].filter((id) => !isNeeded(id));
}
