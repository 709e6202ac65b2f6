import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dueBetween, nextDueMs } from './schedule.js';

const schedule = { anchorMs: 1_000, intervalMs: 30_000 };

describe('a schedule', () => {
  it('keeps its moments, however late somebody looks', () => {
    expect(nextDueMs(schedule, 0)).toBe(1_000);
    expect(nextDueMs(schedule, 1_000)).toBe(31_000);
    expect(nextDueMs(schedule, 30_999.9)).toBe(31_000);
    expect(nextDueMs(schedule, 95_123)).toBe(121_000);
  });

  it('counts what passed', () => {
    expect(dueBetween(schedule, 999, 1_000)).toBe(1);
    expect(dueBetween(schedule, 1_000, 30_999)).toBe(0);
    expect(dueBetween(schedule, 1_000, 95_000)).toBe(3);
    expect(dueBetween(schedule, 95_000, 1_000)).toBe(0);
  });

  it('counts every moment once, wherever the looks lie', () => {
    const looks = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(looks, fc.integer({ min: 5, max: 500 }), (times, intervalMs) => {
        const sorted = times.toSorted((a, b) => a - b);
        const grid = { anchorMs: 700, intervalMs };
        const steps = sorted.slice(1).map((to, at) => dueBetween(grid, sorted[at]!, to));
        const sum = steps.reduce((total, each) => total + each, 0);
        expect(sum).toBe(dueBetween(grid, sorted[0]!, sorted.at(-1)!));
      }),
    );
  });
});
