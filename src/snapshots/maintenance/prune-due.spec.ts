import { describe, expect, it } from '@jest/globals';
import { isPruneDue, MAX_NEW_INDEX_FILES, type PruneFacts } from './prune-due.js';

const HOUR_MS = 3_600_000;
const NOW_MS = 1_000 * HOUR_MS;
const QUIET: PruneFacts = {
  snapshots: 10,
  isWorkspaceDeleted: false,
  lastPrunedAtMs: NOW_MS - 25 * HOUR_MS,
  newIndexFiles: 0,
  hasGarbage: false,
  oldestDoomedMs: undefined,
};
const due = (facts: Partial<PruneFacts>) => isPruneDue({ ...QUIET, ...facts }, NOW_MS, 24 * HOUR_MS);

describe('a prune', () => {
  it.each<[string, Partial<PruneFacts>, boolean]>([
    ['is not due when nothing has happened', {}, false],
    ['is due a day after the last when snapshots were forgotten', { hasGarbage: true }, true],
    ['is due a day after the last when much was stored', { newIndexFiles: 2 }, true],
    ['waits for a day', { hasGarbage: true, lastPrunedAtMs: NOW_MS - 23 * HOUR_MS }, false],
    [
      'does not wait when index files pile up',
      { newIndexFiles: MAX_NEW_INDEX_FILES, lastPrunedAtMs: NOW_MS - HOUR_MS },
      true,
    ],
    ['lets doomed packs have their grace period', { oldestDoomedMs: NOW_MS - 23 * HOUR_MS }, false],
    [
      'deletes them soon after, a few at a time',
      { oldestDoomedMs: NOW_MS - 24 * HOUR_MS, lastPrunedAtMs: NOW_MS - 4 * HOUR_MS },
      true,
    ],
    [
      'but not at every look',
      { oldestDoomedMs: NOW_MS - 24 * HOUR_MS, lastPrunedAtMs: NOW_MS - HOUR_MS },
      false,
    ],
    [
      'leaves a repository alone whose first run may be under way',
      { snapshots: 0, newIndexFiles: 900 },
      false,
    ],
    [
      'clears up after a workspace that was deleted with its snapshots',
      { snapshots: 0, isWorkspaceDeleted: true, hasGarbage: true },
      true,
    ],
  ])('%s', (_name, facts, expected) => {
    expect(due(facts)).toBe(expected);
  });
});
