import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RepositoryWorld } from '../integration/repositories/repository-world.js';
import { simulateDooms } from '../support/doom-simulation/simulation.js';
import { ScriptedStorage } from '../support/scripted-storage.js';

/*
 * Commits and dooms on a real database, in the orders that seeds decide: whatever a snapshot needs that was decided must
 * lie in the bucket, and an index must name it, at every moment.
 */

const SEEDS = Number(process.env.SIMULATION_SEEDS ?? 1_000);
const FIRST_SEED = Number(process.env.SIMULATION_FIRST_SEED ?? 1_000);

let world: RepositoryWorld;

beforeAll(async () => {
  world = await RepositoryWorld.start(new ScriptedStorage());
});

afterAll(() => world.stop());

it(`loses nothing in ${SEEDS} stories`, async () => {
  const { losses, counts } = await simulateDooms(world, { firstSeed: FIRST_SEED, seeds: SEEDS });
  expect(losses).toEqual([]);
  // What never happened was not tested.
  expect(Object.entries(counts).filter(([, count]) => count < SEEDS / 10)).toEqual([]);
}, 1_800_000);
