import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ArchiveMaker, TemporaryFolder } from '../../../test/support/archive-maker.js';
import { makeRandomTree } from '../../../test/support/random-tree.js';
import { DEFAULT_EXCLUDES, DEFAULT_POLICY } from './archive-policy.js';
import { planArchive } from './plan-archive.js';

describe('planArchive', () => {
  let folder: TemporaryFolder;

  beforeEach(() => {
    folder = new TemporaryFolder();
  });
  afterEach(() => folder.remove());

  it('tells what would be stored and what would be left out, and why', async () => {
    for (const name of ['a/keep.txt', 'a/drop.log', '.cache/x', 'b/.stowageignore', 'b/secret/x']) {
      mkdirSync(dirname(join(folder.path, name)), { recursive: true });
      writeFileSync(join(folder.path, name), name === 'b/.stowageignore' ? 'secret/\n' : 'four');
    }
    const plan = await planArchive({
      workspace: folder.path,
      policy: { ...DEFAULT_POLICY, excludes: ['*.log'] },
    });
    expect(plan).toMatchObject({
      files: 2,
      directories: 3,
      sizeBytes: 4 + 8,
      excludedCount: 3,
      unreadable: [],
    });
    expect(plan.excluded.toSorted((x, y) => (x.path < y.path ? -1 : 1))).toEqual([
      { path: '.cache', isDirectory: true, reason: 'rules' },
      { path: 'a/drop.log', isDirectory: false, reason: 'rules' },
      { path: 'b/secret', isDirectory: true, reason: 'rules' },
    ]);
    expect(plan.defaultExcludes).toBe(DEFAULT_EXCLUDES);
  });

  it('counts what an archive then stores', async () => {
    makeRandomTree(join(folder.path, 'tree'), 3);
    const maker = await ArchiveMaker.create();
    const { summary, excluded } = await maker.archive(folder.path);
    const policy = { ...DEFAULT_POLICY, defaultExcludes: false };
    const plan = await planArchive({ workspace: folder.path, policy });
    expect(plan).toMatchObject({
      files: summary.totalFilesProcessed,
      sizeBytes: summary.totalBytesProcessed,
      directories: summary.dirsNew,
      excludedCount: excluded,
    });
  });

  it('fails when the workspace is missing', async () => {
    const workspace = join(folder.path, 'missing');
    await expect(planArchive({ workspace })).rejects.toMatchObject({ code: 'workspace_unreadable' });
  });
});
