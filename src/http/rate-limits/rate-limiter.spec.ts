import { describe, expect, it } from '@jest/globals';
import { addressSubject, limitHeaders } from './rate-limit-answers.js';
import { RateLimiter } from './rate-limiter.js';

const MINUTE_MS = 60_000;

function limiterAt(startMs: number, limits = { key: 5, address: 2 }) {
  const clock = { nowMs: startMs };
  return { clock, limiter: new RateLimiter(limits, () => clock.nowMs) };
}

describe('the rate limiter', () => {
  it('admits as many requests as the limit in a window, then none', () => {
    const { limiter } = limiterAt(MINUTE_MS);
    const verdicts = Array.from({ length: 7 }, () => limiter.count('key:a', 'key'));
    expect(verdicts.map(({ allowed }) => allowed)).toEqual([true, true, true, true, true, false, false]);
    expect(verdicts.map(({ remaining }) => remaining)).toEqual([4, 3, 2, 1, 0, 0, 0]);
  });

  it('starts anew in the next minute', () => {
    const { limiter, clock } = limiterAt(MINUTE_MS + 59_500);
    limiter.count('address:a', 'address');
    limiter.count('address:a', 'address');
    expect(limiter.count('address:a', 'address')).toMatchObject({ allowed: false, resetSeconds: 1 });
    clock.nowMs += 500;
    expect(limiter.count('address:a', 'address')).toMatchObject({ allowed: true, resetSeconds: 60 });
  });

  it('keeps subjects apart', () => {
    const { limiter } = limiterAt(0, { key: 1, address: 1 });
    expect(limiter.count('key:a', 'key').allowed).toBe(true);
    expect(limiter.count('key:b', 'key').allowed).toBe(true);
    expect(limiter.count('key:a', 'key').allowed).toBe(false);
  });

  it('counts what the other replicas admitted as soon as it hears of it', () => {
    const { limiter } = limiterAt(0);
    limiter.count('key:a', 'key');
    expect(limiter.takeUnsent()).toEqual([{ subject: 'key:a', windowStartMs: 0, requests: 1 }]);
    // One more while the statement is under way: it is in no total yet.
    limiter.count('key:a', 'key');
    limiter.applyTotals([{ subject: 'key:a', windowStartMs: 0, requests: 3 }]);
    expect(limiter.count('key:a', 'key')).toMatchObject({ allowed: true, remaining: 0 });
    expect(limiter.count('key:a', 'key').allowed).toBe(false);
    expect(limiter.takeUnsent()).toEqual([{ subject: 'key:a', windowStartMs: 0, requests: 2 }]);
  });

  it('loses no count when the exchange fails', () => {
    const { limiter } = limiterAt(0);
    limiter.count('key:a', 'key');
    limiter.putBack(limiter.takeUnsent());
    limiter.count('key:a', 'key');
    expect(limiter.takeUnsent()).toEqual([{ subject: 'key:a', windowStartMs: 0, requests: 2 }]);
  });

  it('ignores totals of a window that is over', () => {
    const { limiter, clock } = limiterAt(0);
    limiter.count('key:a', 'key');
    const sent = limiter.takeUnsent();
    clock.nowMs = MINUTE_MS;
    limiter.count('key:a', 'key');
    limiter.applyTotals([{ subject: 'key:a', windowStartMs: 0, requests: 5 }]);
    limiter.putBack(sent);
    expect(limiter.count('key:a', 'key')).toMatchObject({ allowed: true, remaining: 3 });
    expect(limiter.takeUnsent()).toEqual([{ subject: 'key:a', windowStartMs: MINUTE_MS, requests: 2 }]);
  });

  it('tells nobody about requests it refused', () => {
    const { limiter } = limiterAt(0, { key: 1, address: 1 });
    limiter.count('key:a', 'key');
    limiter.takeUnsent();
    limiter.count('key:a', 'key');
    expect(limiter.takeUnsent()).toEqual([]);
  });

  it('forgets those who were quiet for longest, so that addresses by the million cost no memory', () => {
    const { limiter } = limiterAt(0, { key: 1, address: 1 });
    limiter.count('address:first', 'address');
    for (let index = 0; index < 50_000; index++) limiter.count(`address:${index}`, 'address');
    expect(limiter.count('address:first', 'address').allowed).toBe(true);
    expect(limiter.takeUnsent().length).toBeLessThanOrEqual(50_000);
  });
});

describe('the subject of an address', () => {
  it.each([
    ['192.0.2.7', 'address:192.0.2.7'],
    ['::ffff:192.0.2.7', 'address:192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', 'address:2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', 'address:2001:db8:1:2::/64'],
    ['::1', 'address:0:0:0:0::/64'],
  ])('of %s is %s', (address, subject) => {
    expect(addressSubject(address)).toBe(subject);
  });
});

it('tells limits in the headers of the IETF draft', () => {
  expect(limitHeaders({ allowed: true, limit: 6_000, remaining: 12, resetSeconds: 30 })).toEqual({
    'ratelimit-policy': '"default";q=6000;w=60',
    ratelimit: '"default";r=12;t=30',
  });
});
