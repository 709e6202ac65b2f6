import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { policyOf } from './workspace-policy.js';

describe('what of a workspace is stored', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'stowage-policy-'));
    mkdirSync(join(root, 'var/an agent [1]'), { recursive: true });
    symlinkSync(root, `${root}-link`);
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
    rmSync(`${root}-link`);
  });

  it('is all but what was left out, and never the folder with the key of the agent', () => {
    const dataDir = join(root, 'var/an agent [1]');
    const excludes = ['*.tmp', '/var/an\\ agent\\ \\[1\\]'];
    expect(policyOf({ path: root, excludes: ['*.tmp'] }, dataDir).excludes).toEqual(excludes);
    expect(policyOf({ path: `${root}-link`, excludes: ['*.tmp'] }, dataDir).excludes).toEqual(excludes);
  });

  it('says nothing of the agent where it lies elsewhere', () => {
    expect(policyOf({ path: join(root, 'var'), excludes: [] }, root).excludes).toEqual([]);
    expect(policyOf({ path: join(root, 'absent'), excludes: [] }, join(root, 'var')).excludes).toEqual([]);
  });
});
