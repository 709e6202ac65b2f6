import { expect, it } from '@jest/globals';
import { GENEROUS_KEEP_POLICY } from '../../snapshot-engine/index.js';
import { snapshotTiers } from './snapshot-tiers.js';

const NOW = Date.parse('2026-11-22T12:00:10Z');
const MINUTE_MS = 60_000;

it('tells by badges why a snapshot stays, and by none that it goes', () => {
  const snapshots = [0, 1, 2, 3, 61, 62, 200, 3_000, 3_001].map((minutes) => ({
    id: `${minutes}`,
    receivedAtMs: NOW - minutes * MINUTE_MS,
    protected: minutes === 62,
  }));
  const tiers = snapshotTiers(snapshots, GENEROUS_KEEP_POLICY, NOW);
  expect(tiers.get('0')).toEqual(['within', 'five_minutely', 'hourly', 'daily', 'monthly', 'newest']);
  expect(tiers.get('3')).toEqual(['within']);
  expect(tiers.get('62')).toEqual(['protected']);
  expect(tiers.get('200')).toEqual(['five_minutely', 'hourly']);
  expect(tiers.get('3000')).toEqual(['hourly', 'daily']);
  expect(tiers.get('3001')).toContain('monthly');
});

it('knows no rule without rules', () => {
  expect(snapshotTiers([{ id: 'a', receivedAtMs: 1 }], {}, NOW).get('a')).toEqual(['no_rule']);
});
