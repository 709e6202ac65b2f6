import { describe, expect, it } from '@jest/globals';
import type { EpochMark } from './epoch-object.js';
import { type EpochRow, judgeEpoch } from './judge-epoch.js';

const row: EpochRow = {
  id: 'place',
  epochId: 'e7',
  previousEpochId: 'e6',
  counter: 7,
  databaseId: '1/2/3',
  writtenAtMs: 0,
  clockOffsetMs: 0,
};
const object: EpochMark = { installationId: 'us', bucketId: 'place', epochId: 'e7', counter: 7 };
const judge = (facts: Partial<Parameters<typeof judgeEpoch>[0]> = {}) => {
  const verdict = judgeEpoch({ row, object, installationId: 'us', databaseId: '1/2/3', ...facts });
  return verdict.kind === 'different' ? verdict.doubt : verdict.kind;
};

describe('rows and bucket', () => {
  it.each([
    ['know the same', {}, 'current'],
    ['know nothing of each other', { row: undefined, object: undefined }, 'unwritten'],
    [
      'differ by a writing that was interrupted',
      { object: { ...object, epochId: 'e6', counter: 6 } },
      'unfinished',
    ],
    [
      'differ by a first writing that was interrupted',
      { row: { ...row, counter: 1, previousEpochId: null }, object: undefined },
      'unfinished',
    ],
    [
      'are of a restored database: the bucket is ahead',
      { object: { ...object, epochId: 'e9', counter: 9 } },
      'database_behind',
    ],
    [
      'are of a restored database whose count has passed the bucket’s since',
      { row: { ...row, epochId: 'x12', previousEpochId: 'x11', counter: 12 } },
      'database_behind',
    ],
    [
      'are of a restored database whose count is the bucket’s',
      { row: { ...row, epochId: 'x7' } },
      'database_behind',
    ],
    [
      'have the same id with another count',
      { object: { ...object, epochId: 'e6', counter: 5 } },
      'database_behind',
    ],
    ['are of a database from before the first epoch', { row: undefined }, 'database_behind'],
    [
      'are of a database that made another place of it',
      { object: { ...object, bucketId: 'other' } },
      'database_behind',
    ],
    ['are of a dump that was restored elsewhere within the hour', { databaseId: '9/2/3' }, 'other_database'],
    ['are of a dump that was restored beside', { databaseId: '1/9/3' }, 'other_database'],
    ['are of a dump that was restored in place', { databaseId: '1/2/9' }, 'other_database'],
    ['are of a cluster that is not told', { databaseId: '-/2/3' }, 'current'],
    ['are of two installations', { object: { ...object, installationId: 'them' } }, 'other_installation'],
    [
      'are of two installations, the second of which is new',
      { row: undefined, object: { ...object, installationId: 'them' } },
      'other_installation',
    ],
    ['lost the bucket’s side', { object: undefined }, 'object_lost'],
    ['have something else in its place', { object: 'unreadable' as const }, 'object_unreadable'],
  ])('%s', (_, facts, expected) => {
    expect(judge(facts)).toBe(expected);
  });
});
