import { describe, expect, it } from '@jest/globals';
import { allowedFiles, cutoffOf, planRetention } from './plan-retention.js';

const CUTOFF = 1_000_000;
const aged = (files: number, allFiles: number) => ({ files, bytes: files * 10, allFiles });

describe('retention', () => {
  it('counts whole days', () => {
    expect(cutoffOf(2, 3 * 86_400_000)).toBe(86_400_000);
  });

  it.each([
    [0, 100],
    [100, 100],
    [500, 100],
    [501, 100],
    [505, 101],
    [10_000, 2_000],
  ])('of %d files puts at most %d into the trash unasked', (all, most) => {
    expect(allowedFiles(all)).toBe(most);
  });

  it.each([
    ['has nothing to do', aged(0, 1_000), undefined, { kind: 'nothing' }],
    ['trashes all of a few', aged(100, 100), undefined, { kind: 'trash', cutoffMs: CUTOFF, mostFiles: 100 }],
    [
      'trashes a fifth of many',
      aged(200, 1_000),
      undefined,
      { kind: 'trash', cutoffMs: CUTOFF, mostFiles: 200 },
    ],
    [
      'asks before it trashes more',
      aged(201, 1_000),
      undefined,
      { kind: 'ask', files: 201, bytes: 2_010, cutoffMs: CUTOFF },
    ],
    [
      'trashes what was confirmed, by its cutoff',
      aged(900, 1_000),
      { files: 900, cutoffMs: CUTOFF - 5 },
      { kind: 'trash', cutoffMs: CUTOFF - 5, mostFiles: 900 },
    ],
    [
      'trashes what is left of what was confirmed',
      aged(300, 400),
      { files: 900, cutoffMs: CUTOFF - 5 },
      { kind: 'trash', cutoffMs: CUTOFF - 5, mostFiles: 900 },
    ],
    [
      'asks again when there are more than were confirmed',
      aged(901, 1_000),
      { files: 900, cutoffMs: CUTOFF - 5 },
      { kind: 'ask', files: 901, bytes: 9_010, cutoffMs: CUTOFF },
    ],
    [
      'asks again when the settings would keep files longer now',
      aged(900, 1_000),
      { files: 900, cutoffMs: CUTOFF + 5 },
      { kind: 'ask', files: 900, bytes: 9_000, cutoffMs: CUTOFF },
    ],
  ])('%s', (_, files, confirmed, expected) => {
    expect(planRetention(files, CUTOFF, confirmed)).toEqual(expected);
  });
});
