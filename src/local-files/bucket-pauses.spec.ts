import { describe, expect, it } from '@jest/globals';
import { BucketPauses } from './bucket-pauses.js';

describe('a bucket that does not work', () => {
  const fixture = () => {
    const clock = { now: 1_000_000 };
    return {
      clock,
      pauses: new BucketPauses(
        () => clock.now,
        () => 0.5,
      ),
    };
  };

  it('is left alone for longer and longer, at most five minutes', () => {
    const { clock, pauses } = fixture();
    const lengths = Array.from({ length: 12 }, () => {
      pauses.failed(1);
      const begin = clock.now;
      while (pauses.pausedUsers().includes(1)) clock.now += 100;
      return clock.now - begin;
    });
    expect(lengths.slice(0, 4)).toEqual([1_500, 3_000, 6_000, 12_000]);
    expect(lengths.at(-1)).toBe(225_000);
  });

  it('is tried with one file afterwards, and with all once that worked', () => {
    const { clock, pauses } = fixture();
    pauses.failed(1);
    clock.now += 10_000;
    expect([pauses.pausedUsers(), pauses.isOnProbation(1)]).toEqual([[], true]);
    pauses.worked(1);
    expect(pauses.isOnProbation(1)).toBe(false);
  });

  it('is nobody else’s matter', () => {
    const { pauses } = fixture();
    pauses.failed(1);
    expect([pauses.pausedUsers(), pauses.isOnProbation(2)]).toEqual([[1], false]);
  });
});
