import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertTargetAllowed } from './restore-target.js';

describe('the target of a restore', () => {
  let root: string;
  let dataDir: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'stowage-target-'));
    dataDir = join(root, 'agent');
    mkdirSync(dataDir);
    symlinkSync(dataDir, join(root, 'link'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it.each(['agent', 'agent/below/it', 'link', 'link/below', '', 'agent/../agent/x'])(
    'is never %p',
    (path) => {
      expect(() => assertTargetAllowed(`${root}/${path}`, dataDir)).toThrow("the agent's own folder");
    },
  );

  it.each(['agent2', 'restored', 'restored/deep', '..agent'])('may be %p', (path) => {
    expect(() => assertTargetAllowed(`${root}/${path}`, dataDir)).not.toThrow();
  });

  it('is absolute', () => {
    expect(() => assertTargetAllowed('restored', dataDir)).toThrow('absolute');
  });
});
