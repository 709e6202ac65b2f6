import { describe, expect, it } from '@jest/globals';
import { KEEP_PRESETS, keepPolicyJson, readKeepPolicy } from './keep-policy-json.js';

const RULES = {
  counts: { last: 3, five_minutely: -1 },
  within: { hours: 1 },
  tiers_within: { five_minutely: { days: 1 }, yearly: { years: 10 } },
  tags: [['keep', 'me'], ['release']],
  newest: 5,
  time_zone: 'Europe/Berlin',
};

describe('a keep policy', () => {
  it('comes back as it was sent', () => {
    const read = readKeepPolicy(RULES);
    expect(read).toMatchObject({ policy: { counts: { fiveMinutely: -1 }, timeZone: 'Europe/Berlin' } });
    expect('policy' in read && keepPolicyJson(read.policy)).toEqual(RULES);
  });

  it.each(['default', 'compact'] as const)('has the name %s, whatever the order of its members', (preset) => {
    expect(readKeepPolicy(preset)).toEqual({ policy: KEEP_PRESETS[preset] });
    const reordered = Object.fromEntries(Object.entries(KEEP_PRESETS[preset]).reverse());
    expect(keepPolicyJson(reordered)).toBe(preset);
  });

  it.each<[string, unknown, string]>([
    ['an unknown preset', 'everything', '/keep_policy'],
    ['a name that objects inherit', 'constructor', '/keep_policy'],
    ['null', null, '/keep_policy'],
    ['a list', [], '/keep_policy'],
    ['an unknown member', { keep: 1 }, '/keep_policy/keep'],
    ['an unknown tier', { counts: { hour: 1 } }, '/keep_policy/counts'],
    ['a name of the engine', { counts: { fiveMinutely: 1 } }, '/keep_policy/counts'],
    ['a count that is none', { counts: { last: 1.5 } }, '/keep_policy/counts'],
    ['a count below -1', { counts: { last: -2 } }, '/keep_policy'],
    ['an empty duration', { within: {} }, '/keep_policy/within'],
    ['an unknown part', { within: { weeks: 1 } }, '/keep_policy/within'],
    ['a negative part', { within: { days: -1 } }, '/keep_policy'],
    ['a duration beyond all dates', { within: { years: 1e6 } }, '/keep_policy'],
    ['an empty list of tags', { tags: [[]] }, '/keep_policy'],
    ['tags that are none', { tags: ['a'] }, '/keep_policy/tags'],
    ['none of the newest', { newest: 0 }, '/keep_policy'],
    ['a time zone that does not exist', { counts: { daily: 1 }, time_zone: 'Mars/Base' }, '/keep_policy'],
  ])('is not %s', (_, value, pointer) => {
    expect(readKeepPolicy(value)).toMatchObject({ errors: [{ pointer, code: 'keep_policy' }] });
  });

  it('tells all that is wrong at once', () => {
    expect(readKeepPolicy({ counts: 1, within: 2, more: 3 })).toMatchObject({ errors: { length: 3 } });
  });
});
