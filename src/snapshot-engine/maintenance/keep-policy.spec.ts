import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GENEROUS_KEEP_POLICY, WORKSPACE_KEEP_POLICY } from './keep-policies.js';
import { applyKeepPolicy, MIN_NEWEST, type KeepCandidate, type KeepPolicy } from './keep-policy.js';
import { KEEP_TIERS } from './keep-tiers.js';

const NOW = Date.UTC(2026, 10, 22, 12);
const MINUTE = 60_000;
const DAY = 86_400_000;

describe('applyKeepPolicy', () => {
  it('keeps everything when there is no rule', () => {
    expect(decide(['2026-01-01T00:00:00Z', '2020-01-01T00:00:00Z'], {})).toEqual([['no rule'], ['no rule']]);
  });

  it('keeps the newest of each bucket, and the oldest of all while a count lasts', () => {
    const times = [
      '2026-03-02T10:00:00Z',
      '2026-03-02T09:00:00Z',
      '2026-03-01T23:59:59Z',
      '2026-03-01T00:00:00Z',
      '2026-02-28T12:00:00Z',
      '2026-02-28T11:00:00Z',
    ];
    expect(decide(times, { counts: { daily: 4 }, newest: 1 })).toEqual([
      ['daily', 'newest'],
      [],
      ['daily'],
      [],
      ['daily'],
      ['oldest daily'],
    ]);
    expect(decide(times, { counts: { daily: 2 }, newest: 1 }).map((reasons) => reasons.length > 0)).toEqual([
      true,
      false,
      true,
      false,
      false,
      false,
    ]);
  });

  it('lets days begin where the policy says', () => {
    const times = ['2026-07-02T03:00:00Z', '2026-07-01T22:30:00Z', '2026-07-01T21:30:00Z'];
    const daily = { counts: { daily: 1 }, newest: 1 };
    const kept = (timeZone: string) =>
      decide(times, { ...daily, counts: { daily: 2 }, timeZone }).map((reasons) => reasons.length > 0);
    expect(kept('UTC')).toEqual([true, true, false]);
    expect(kept('Europe/Zurich')).toEqual([true, false, true]);
    expect(kept('Pacific/Auckland')).toEqual([true, false, true]);
  });

  it('counts the repeated hour of an autumn night once, as the wall clock shows it', () => {
    const times = [
      '2026-10-25T01:30:00Z',
      '2026-10-25T00:30:00Z',
      '2026-10-24T23:30:00Z',
      '2026-10-24T22:30:00Z',
    ];
    const reasons = decide(times, { counts: { hourly: 2 }, newest: 1, timeZone: 'Europe/Zurich' });
    expect(reasons).toEqual([['hourly', 'newest'], [], ['hourly'], []]);
  });

  it('has weeks from Monday to Sunday, across the turn of the year', () => {
    const times = [
      '2027-01-03T23:00:00Z',
      '2026-12-28T00:00:00Z',
      '2026-12-27T23:59:00Z',
      '2026-12-20T12:00:00Z',
    ];
    expect(decide(times, { counts: { weekly: 2 }, newest: 1 }, Date.UTC(2028, 0))).toEqual([
      ['weekly', 'newest'],
      [],
      ['weekly'],
      [],
    ]);
  });

  it('looks back from the newest snapshot by the calendar, and not from one of the future', () => {
    const times = [
      '2099-01-01T00:00:00Z',
      '2026-03-31T12:00:00Z',
      '2026-03-03T12:00:01Z',
      '2026-03-03T12:00:00Z',
    ];
    expect(decide(times, { within: { months: 1 }, newest: 1 })).toEqual([
      ['within', 'newest'],
      ['within'],
      ['within'],
      [],
    ]);
  });

  it('keeps what is protected or has all tags of a list', () => {
    const reasons = applyKeepPolicy(
      [
        { id: 'c', receivedAtMs: 3 },
        { id: 'b', receivedAtMs: 2, tags: ['release', 'signed', 'x'] },
        { id: 'a', receivedAtMs: 1, tags: ['release'], protected: true },
        { id: '0', receivedAtMs: 0, tags: ['release'] },
      ],
      { tags: [['release', 'signed']], newest: 1 },
      NOW,
    ).map((decision) => decision.reasons);
    expect(reasons).toEqual([['newest'], ['tags'], ['protected'], []]);
  });

  it('keeps all buckets when a count is -1', () => {
    const times = Array.from({ length: 40 }, (_, at) => new Date(NOW - at * DAY * 0.5).toISOString());
    const kept = decide(times, { counts: { daily: -1 }, newest: 1 }).filter((reasons) => reasons.length > 0);
    expect(kept.length).toBe(21);
  });

  it.each([
    [{ counts: { daily: -2 } }],
    [{ counts: { daily: 0.5 } }],
    [{ within: { days: -1 } }],
    [{ within: { years: 1e6 } }],
    [{ tiersWithin: { hourly: { days: Number.NaN } } }],
    [{ newest: 0 }],
    [{ tags: [[]] }],
    [{ timeZone: 'Mars/Olympus' }],
  ])('refuses %j', (policy) => {
    expect(() => applyKeepPolicy([], policy, NOW)).toThrow(RangeError);
  });

  it('never forgets the newest, whatever the policy and the order of what it is given', () => {
    fc.assert(
      fc.property(someSnapshots, somePolicy, (snapshots, policy) => {
        const decisions = applyKeepPolicy(snapshots, policy, NOW);
        const shuffled = applyKeepPolicy([...snapshots].reverse(), policy, NOW);
        expect(decisions).toEqual(shuffled);
        expect(decisions.length).toBe(snapshots.length);
        const floor = policy.newest ?? MIN_NEWEST;
        expect(decisions.slice(0, floor).every(({ reasons }) => reasons.length > 0)).toBe(true);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('keeps what it kept when it is asked again', () => {
    fc.assert(
      fc.property(someSnapshots, somePolicy, (snapshots, policy) => {
        const kept = keptOf(snapshots, policy);
        const again = keptOf(
          snapshots.filter(({ id }) => kept.includes(id)),
          policy,
        );
        expect(again).toEqual(kept);
      }),
      { seed: 2, numRuns: 500 },
    );
  });
});

describe('the policies that come with the engine', () => {
  // Weeks at 30 seconds, thinned every 20 minutes: what counts is the highest number there ever is.
  it.each([
    ['a workspace', WORKSPACE_KEEP_POLICY, 300],
    ['generous', GENEROUS_KEEP_POLICY, 660],
  ])('keep %s below its bound at one snapshot in 30 seconds', (_name, policy, bound) => {
    let snapshots = thinnedHistory(policy);
    let most = 0;
    for (let now = NOW; now < NOW + 8 * DAY; now += 20 * MINUTE) {
      for (let at = 0; at < 40; at += 1) {
        snapshots.push({ id: `${now}-${at}`, receivedAtMs: now + at * 30_000 });
      }
      most = Math.max(most, snapshots.length);
      const kept = new Set(keptOf(snapshots, policy, now + 20 * MINUTE));
      snapshots = snapshots.filter(({ id }) => kept.has(id));
    }
    expect(most).toBeLessThan(bound);
    expect(most).toBeGreaterThan(bound * 0.75);
  });
});

/** What the months before have left. */
function thinnedHistory(policy: KeepPolicy): KeepCandidate[] {
  const days = Array.from({ length: 400 }, (_, at) => ({
    id: `old-${at}`,
    receivedAtMs: NOW - (at + 1) * DAY,
  }));
  const kept = new Set(keptOf(days, policy));
  return days.filter(({ id }) => kept.has(id));
}

function keptOf(snapshots: readonly KeepCandidate[], policy: KeepPolicy, now = NOW): string[] {
  return applyKeepPolicy(snapshots, policy, now)
    .filter(({ reasons }) => reasons.length > 0)
    .map(({ id }) => id);
}

function decide(times: readonly string[], policy: KeepPolicy, now = NOW) {
  const snapshots = times.map((time) => ({ id: time, receivedAtMs: Date.parse(time) }));
  return applyKeepPolicy(snapshots, policy, now).map(({ reasons }) => reasons);
}

const someSnapshots = fc.uniqueArray(
  fc.record({
    id: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 4, maxLength: 4 }),
    receivedAtMs: fc.oneof(
      fc.integer({ min: NOW - 3 * 365 * DAY, max: NOW + DAY }),
      fc.integer({ min: NOW - 2 * DAY, max: NOW }),
    ),
    tags: fc.subarray(['a', 'b', 'c']),
    protected: fc.boolean(),
  }),
  { maxLength: 60, selector: ({ id }) => id },
);

const someDuration = fc.record(
  { months: fc.nat(14), days: fc.nat(40), hours: fc.nat(50), minutes: fc.nat(100) },
  { requiredKeys: [] },
);

const perTier = <T>(values: fc.Arbitrary<T>) =>
  fc.dictionary(fc.constantFrom(...KEEP_TIERS), values, { maxKeys: 3 });

const somePolicy: fc.Arbitrary<KeepPolicy> = fc.record(
  {
    counts: perTier(fc.integer({ min: -1, max: 6 })),
    within: someDuration,
    tiersWithin: perTier(someDuration),
    tags: fc.array(fc.subarray(['a', 'b'], { minLength: 1 }), { maxLength: 2 }),
    newest: fc.integer({ min: 1, max: 5 }),
    timeZone: fc.constantFrom('UTC', 'America/Sao_Paulo', 'Asia/Kathmandu', 'Australia/Lord_Howe'),
  },
  { requiredKeys: [] },
);
