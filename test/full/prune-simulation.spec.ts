import { expect, it } from '@jest/globals';
import { simulate } from '../support/prune-simulation/simulation.js';
import { EVENTS, type EventCounts } from '../support/prune-simulation/world.js';

/*
 * Writers, forgetters and pruners with the engine's own code in one bucket, in virtual time: requests are slow, lost,
 * late and repeated, processes die at any call, machines oversleep, locks get lost and clocks are off. What a committed
 * snapshot needs must be in a pack that exists and in an index that names it, at every moment.
 */

const SEEDS = Number(process.env.SIMULATION_SEEDS ?? 500);
const FIRST_SEED = Number(process.env.SIMULATION_FIRST_SEED ?? 1);

it(`loses nothing in ${SEEDS} simulated weeks`, async () => {
  const totals = Object.fromEntries(EVENTS.map((event) => [event, 0])) as EventCounts;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const { counts, losses, garbage } = await simulate(seed).catch((error: unknown) => {
      throw new Error(`Seed ${seed} failed.`, { cause: error });
    });
    expect({ seed, losses, garbage }).toEqual({ seed, losses: [], garbage: [] });
    for (const event of EVENTS) totals[event] += counts[event];
  }
  if (process.env.SIMULATION_TOTALS) console.log(totals);
  // What never happened was not tested.
  expect(EVENTS.filter((event) => totals[event] < SEEDS / 100)).toEqual([]);
}, 1_800_000);
