import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { noise } from '../../../test/support/noise.js';
import { SnapshotMaker } from '../../../test/support/snapshot-maker.js';
import { InlineWorkers } from '../workers/inline-workers.js';
import { restoreSnapshot } from './restore-snapshot.js';
import { createRestoreService } from './restore-worker.js';

const workers = new InlineWorkers({ restore: createRestoreService });

describe('a restore', () => {
  let folder: string;
  let target: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'restore-'));
    target = join(folder, 'target');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('makes what the snapshot says', async () => {
    const maker = new SnapshotMaker();
    const large = [noise(600_000, 1), Buffer.alloc(700_000), noise(500_000, 2)];
    const snapshot = maker.snapshot([
      maker.dir('dir', [maker.file('inner', Buffer.from('inside')), maker.dir('empty', [])], {
        mode: 2 ** 31 + 0o750,
      }),
      maker.file('empty', Buffer.alloc(0)),
      maker.file('large', large),
      maker.symlink('link', '/etc/passwd'),
    ]);
    const result = await restoreSnapshot(maker, maker.index, snapshot, target, { workers });
    expect(result).toMatchObject({ failed: [], refused: [], filesRestored: 3 });
    expect(readFileSync(join(target, 'dir/inner'), 'utf8')).toBe('inside');
    expect(readFileSync(join(target, 'large')).equals(Buffer.concat(large))).toBe(true);
    expect(readlinkSync(join(target, 'link'))).toBe('/etc/passwd');
    const status = lstatSync(join(target, 'dir'), { bigint: true });
    expect([status.mode & 0o7777n, status.mtimeNs]).toEqual([0o750n, 1_580_608_922_123_456_789n]);
  });
});
