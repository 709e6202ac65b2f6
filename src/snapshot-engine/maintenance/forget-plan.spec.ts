import { describe, expect, it } from '@jest/globals';
import { planForget } from './forget-plan.js';

const nowMs = Date.UTC(2026, 0, 10);
const HOUR = 3_600_000;

/** Newest first: `s0`, `s1`, …; hours ago. */
const group = (...hoursAgo: number[]) =>
  hoursAgo.map((hours, at) => ({ id: `s${at}`, receivedAtMs: nowMs - hours * HOUR }));

describe('planForget', () => {
  it('forgets what no rule keeps', () => {
    const plan = planForget(group(1, 2, 3, 4), { counts: { last: 2 }, newest: 1 }, { nowMs });
    expect(plan).toMatchObject({ keep: ['s0', 's1'], forget: ['s2', 's3'], deferred: [] });
    expect(plan.decisions.map(({ reasons }) => reasons)).toEqual([['last', 'newest'], ['last'], [], []]);
  });

  it('forgets at most half of a group, first what has a newer neighbour close by', () => {
    const snapshots = group(1, 2, 10, 11, 40, 41.5, 90);
    const plan = planForget(snapshots, { counts: { last: 1 }, newest: 1 }, { nowMs });
    expect(plan).toMatchObject({ keep: ['s0'], forget: ['s1', 's3', 's5'], deferred: ['s2', 's4', 's6'] });
  });

  it('goes beyond the half when somebody has confirmed it', () => {
    const plan = planForget(
      group(1, 2, 3, 4),
      { counts: { last: 1 }, newest: 1 },
      { nowMs, confirmed: true },
    );
    expect(plan).toMatchObject({ forget: ['s1', 's2', 's3'], deferred: [] });
  });

  it('works off a backlog within a few runs', () => {
    let snapshots = Array.from({ length: 2_880 }, (_, at) => ({
      id: `s${at}`,
      receivedAtMs: nowMs - at * 30_000,
    }));
    let runs = 0;
    for (let left = -1; left !== 0; runs += 1) {
      const { forget, deferred } = planForget(snapshots, { counts: { hourly: 24 } }, { nowMs });
      snapshots = snapshots.filter(({ id }) => !forget.includes(id));
      left = deferred.length;
    }
    expect(runs).toBeLessThan(9);
    expect(snapshots.length).toBeLessThan(30);
  });

  it('has nothing to do for an empty group', () => {
    expect(planForget([], { counts: { last: 1 } }, { nowMs })).toEqual({
      decisions: [],
      keep: [],
      forget: [],
      deferred: [],
    });
  });
});
