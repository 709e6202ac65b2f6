import { describe, expect, it } from '@jest/globals';
import { decodeSnapshot, encodeSnapshot, type Snapshot } from './snapshot.js';

const TREE = 'ab'.repeat(32);
const PARENT = 'cd'.repeat(32);
const decode = (json: string) => decodeSnapshot(Buffer.from(json), 'Snapshot s');

const full: Snapshot = {
  timeNs: 1_663_230_000_120_000_000n,
  parent: PARENT,
  tree: TREE,
  paths: ['/home/<x>', '/b'],
  hostname: 'host',
  username: 'root',
  uid: 1_000,
  gid: 100,
  excludes: ['*.tmp'],
  tags: ['a', 'b'],
  original: PARENT,
  programVersion: 'restic 0.18.0',
  summary: {
    backupStartNs: 0n,
    backupEndNs: 1_500_000_000n,
    filesNew: 1,
    filesChanged: 2,
    filesUnmodified: 3,
    dirsNew: 4,
    dirsChanged: 5,
    dirsUnmodified: 6,
    dataBlobs: 7,
    treeBlobs: 8,
    dataAddedBytes: 9,
    dataAddedPackedBytes: 10,
    totalFilesProcessed: 11,
    totalBytesProcessed: 12,
  },
};

describe('a snapshot', () => {
  it('is what restic writes, field by field', () => {
    expect(encodeSnapshot(full).toString()).toBe(
      `{"time":"2022-09-15T08:20:00.12Z","parent":"${PARENT}","tree":"${TREE}","paths":["/home/\\u003cx\\u003e","/b"]` +
        `,"hostname":"host","username":"root","uid":1000,"gid":100,"excludes":["*.tmp"],"tags":["a","b"]` +
        `,"original":"${PARENT}","program_version":"restic 0.18.0","summary":{"backup_start":"1970-01-01T00:00:00Z"` +
        `,"backup_end":"1970-01-01T00:00:01.5Z","files_new":1,"files_changed":2,"files_unmodified":3,"dirs_new":4` +
        `,"dirs_changed":5,"dirs_unmodified":6,"data_blobs":7,"tree_blobs":8,"data_added":9,"data_added_packed":10` +
        `,"total_files_processed":11,"total_bytes_processed":12}}`,
    );
    expect(decodeSnapshot(encodeSnapshot(full), 'Snapshot s')).toEqual(full);
  });

  it('leaves out what is empty', () => {
    expect(
      encodeSnapshot({ timeNs: 0n, tree: TREE, paths: ['/'], uid: 0, tags: [], hostname: '' }).toString(),
    ).toBe(`{"time":"1970-01-01T00:00:00Z","tree":"${TREE}","paths":["/"]}`);
  });

  it('of another writer may lack fields and have more', () => {
    const { timeNs, summary, paths } = decode(
      `{"time":"2022-09-15T10:20:00+02:00","tree":"${TREE}","paths":null,"summary":{"files_new":3,"x":1},"label":"rustic"}`,
    );
    expect(timeNs).toBe(1_663_230_000_000_000_000n);
    expect(paths).toEqual([]);
    expect(summary).toMatchObject({ filesNew: 3, dataAddedPackedBytes: 0, backupStartNs: 0n });
  });

  it.each([
    ['is no JSON', '{', 'it is no JSON'],
    ['is a list', '[]', 'it is no JSON object'],
    ['has no time', `{"tree":"${TREE}"}`, 'it has no time'],
    ['has a time that is none', `{"time":"NaN","tree":"${TREE}"}`, 'its time is not what it must be'],
    ['has no tree', '{"time":"1970-01-01T00:00:00Z"}', 'it has no tree'],
    [
      'has a tree that is a path',
      '{"time":"1970-01-01T00:00:00Z","tree":"../config"}',
      'its tree is not what it must be',
    ],
    [
      'has paths that are none',
      `{"time":"1970-01-01T00:00:00Z","tree":"${TREE}","paths":[1]}`,
      'its paths is not',
    ],
    [
      'has a negative uid',
      `{"time":"1970-01-01T00:00:00Z","tree":"${TREE}","uid":-1}`,
      'its uid is not what it must be',
    ],
    [
      'has its time from a prototype',
      `{"__proto__":{"time":"1970-01-01T00:00:00Z"},"tree":"${TREE}"}`,
      'it has no time',
    ],
    ['is larger than any', ' '.repeat(17 * 1_024 * 1_024), 'it is larger than any snapshot'],
  ])('is damaged when it %s', (_, json, what) => {
    expect(() => decode(json)).toThrow(
      expect.objectContaining({ code: 'damaged_repository', message: expect.stringContaining(what) }),
    );
  });
});
