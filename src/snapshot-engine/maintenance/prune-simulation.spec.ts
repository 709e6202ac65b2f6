import { expect, it } from '@jest/globals';
import { simulate } from '../../../test/support/prune-simulation/simulation.js';

/** A few of the weeks that the full tests simulate by the hundred. */
it.each(Array.from({ length: 5 }, (_, at) => 10_001 + at))(
  'loses nothing in simulated week %i',
  async (seed) => {
    expect(await simulate(seed)).toMatchObject({ losses: [], garbage: [] });
  },
);
