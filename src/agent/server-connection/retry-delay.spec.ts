import { describe, expect, it } from '@jest/globals';
import { retryDelayMs } from './retry-delay.js';

const spread = { baseMs: 500, maxMs: 30_000 };

describe('the pause before a repetition', () => {
  it('is anything up to a limit that doubles and then stays', () => {
    const longest = (attempt: number) => retryDelayMs(attempt, spread, () => 1);
    expect([0, 1, 2, 5, 6, 7, 1_000].map(longest)).toEqual([
      500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000,
    ]);
    expect(retryDelayMs(7, spread, () => 0)).toBe(0);
  });

  it('is never shorter than the server asked for, nor as long as a server that is mistaken asks for', () => {
    expect(retryDelayMs(0, spread, () => 0, 2_000)).toBe(2_000);
    expect(retryDelayMs(0, spread, () => 0, 86_400_000)).toBe(300_000);
  });
});
