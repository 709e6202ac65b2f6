import { expect, it } from '@jest/globals';
import { simulateSweeps } from '../support/sweep-simulation/simulation.js';

/*
 * Uploads by every way, deletions, sweeps, moved clocks, crashes and restored dumps, in the orders that seeds decide:
 * what was promised is never touched, what was left behind ends, and a restored database deletes nothing.
 */

const SEEDS = Number(process.env.SIMULATION_SEEDS ?? 10_000);
const FIRST_SEED = Number(process.env.SIMULATION_FIRST_SEED ?? 1);

it(`deletes nothing that is needed and leaves nothing that is not in ${SEEDS} stories`, async () => {
  const { losses, counts } = await simulateSweeps(FIRST_SEED, SEEDS);
  expect(losses).toEqual([]);
  // What never happened was not tested.
  expect(Object.entries(counts).filter(([, count]) => count < SEEDS / 1_000)).toEqual([]);
}, 1_800_000);
