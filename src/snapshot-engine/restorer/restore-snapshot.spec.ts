import { hash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { noise } from '../../../test/support/noise.js';
import { SnapshotMaker } from '../../../test/support/snapshot-maker.js';
import type { Progress } from '../progress/progress.js';
import { InlineWorkers } from '../workers/inline-workers.js';
import { setOpenTimes } from '../filesystem/file-times.js';
import { createSpecialFile } from '../filesystem/special-files.js';
import { planRestore, restoreSnapshot } from './restore-snapshot.js';
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
    const seen: Progress[] = [];
    const onProgress = (progress: Progress): void => void seen.push(progress);
    const result = await restoreSnapshot(maker, maker.index, snapshot, target, { workers, onProgress });
    expect(result).toMatchObject({ failed: [], refused: [], filesRestored: 3 });
    expect(seen.at(-1)).toMatchObject({ phase: 'finish', filesDone: 3, filesTotal: 3 });
    expect(seen.at(-1)!.bytesDone).toBe(result.summary.bytesToFetch);
    expect(readFileSync(join(target, 'dir/inner'), 'utf8')).toBe('inside');
    expect(readFileSync(join(target, 'large')).equals(Buffer.concat(large))).toBe(true);
    expect(readlinkSync(join(target, 'link'))).toBe('/etc/passwd');
    const status = lstatSync(join(target, 'dir'), { bigint: true });
    expect([status.mode & 0o7777n, status.mtimeNs]).toEqual([0o750n, 1_580_608_922_123_456_789n]);
  });

  /** Counts requests, and can do something at one of them. */
  const watched = (maker: SnapshotMaker, onLoad: (count: number) => void = () => undefined) => {
    let loads = 0;
    const load: SnapshotMaker['files']['load'] = (...args) => {
      onLoad((loads += 1));
      return maker.files.load(...args);
    };
    return { source: { masterKey: maker.masterKey, files: { load } }, loads: () => loads };
  };

  /** Large files of several chunks in several packs, and small ones. */
  const workspace = (maker: SnapshotMaker) => {
    const chunks = Array.from({ length: 24 }, (_, index) => noise(300_000, `chunk ${index}`));
    return maker.snapshot([
      maker.dir('dir', [maker.file('small', Buffer.from('small')), maker.file('one', chunks.slice(0, 8))]),
      maker.file('three', chunks.slice(16)),
      maker.file('two', chunks.slice(8, 16)),
    ]);
  };
  const PACK_BYTES = 1_000_000;
  const namesIn = (path: string): string[] => readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();

  it('leaves no half file under a final name when it is cancelled, and goes on when it is started again', async () => {
    const whole = Buffer.concat(Array.from({ length: 24 }, (_, index) => noise(300_000, `chunk ${index}`)));
    for (let stopAt = 1; stopAt <= 8; stopAt += 1) {
      const maker = new SnapshotMaker(PACK_BYTES);
      const snapshot = workspace(maker);
      const abort = new AbortController();
      const { source } = watched(maker, (count) => count === stopAt && abort.abort());
      const path = join(target, String(stopAt));
      const run = { workers, limits: { requests: 1 } };
      await expect(
        restoreSnapshot(source, maker.index, snapshot, path, { ...run, signal: abort.signal }),
      ).rejects.toMatchObject({ code: 'cancelled' });
      const left = namesIn(path).filter((name) => !name.endsWith('dir'));
      expect(left.filter((name) => name.startsWith('.stowage-restore.'))).toEqual([]);
      for (const name of left.filter((each) => each !== '.stowage-restore')) {
        expect(lstatSync(join(path, name)).size).toBe(name.endsWith('small') ? 5 : 2_400_000);
      }
      const rest = watched(maker);
      const result = await restoreSnapshot(rest.source, maker.index, snapshot, path, run);
      expect(result).toMatchObject({ failed: [], refused: [] });
      expect(namesIn(path)).toEqual(['dir', 'dir/one', 'dir/small', 'three', 'two']);
      const restored = ['dir/one', 'two', 'three'].map((name) => readFileSync(join(path, name)));
      expect(Buffer.concat(restored).equals(whole)).toBe(true);
    }
  });

  it('removes whatever a killed restore was about to name, and directories never', async () => {
    const maker = new SnapshotMaker();
    const snapshot = maker.snapshot([
      maker.dir('dir', [maker.file('file', Buffer.from('file'))]),
      maker.symlink('link', 'to'),
    ]);
    mkdirSync(join(target, 'dir'), { recursive: true });
    const marker = {
      snapshot: snapshot.id,
      boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    };
    writeFileSync(join(target, '.stowage-restore'), JSON.stringify(marker));
    const temporary = (digit: string) => `.stowage-restore.${digit.repeat(24)}`;
    symlinkSync('to', join(target, temporary('1')));
    createSpecialFile(Buffer.from(join(target, 'dir', temporary('2'))), { kind: 'fifo', permissions: 0o600 });
    writeFileSync(join(target, 'dir', temporary('3')), 'file');
    linkSync(join(target, 'dir', temporary('3')), join(target, temporary('4')));
    mkdirSync(join(target, temporary('5')));
    const result = await restoreSnapshot(maker, maker.index, snapshot, target, { workers });
    expect(result).toMatchObject({ failed: [], refused: [] });
    expect(namesIn(target)).toEqual([temporary('5'), 'dir', 'dir/file', 'link']);
  });

  it('refuses a directory that is in use, and resumes only the snapshot that it began', async () => {
    const maker = new SnapshotMaker();
    const snapshot = workspace(maker);
    mkdirSync(target);
    writeFileSync(join(target, 'mine'), 'mine');
    const attempt = (into?: 'in-place') =>
      restoreSnapshot(maker, maker.index, snapshot, target, { workers, into });
    await expect(attempt()).rejects.toMatchObject({ code: 'target_unwritable' });
    expect(namesIn(target)).toEqual(['mine']);
    await attempt('in-place');
    expect(readFileSync(join(target, 'mine'), 'utf8')).toBe('mine');
    writeFileSync(join(target, '.stowage-restore'), JSON.stringify({ snapshot: 'another', boot: 'x' }));
    await expect(attempt()).rejects.toMatchObject({ code: 'target_unwritable' });
  });

  it('fetches only what differs, keeps the old file until the new one is whole, and keeps what is right', async () => {
    const maker = new SnapshotMaker(PACK_BYTES);
    const snapshot = workspace(maker);
    await restoreSnapshot(maker, maker.index, snapshot, target, { workers });
    const before = lstatSync(join(target, 'two')).ino;
    const fd = openSync(join(target, 'dir/one'), 'r+');
    writeSync(fd, 'changed', 650_000);
    closeSync(fd);
    const inPlace = { workers, into: 'in-place' } as const;
    const planned = await planRestore(maker, maker.index, snapshot, target, inPlace);
    expect(planned.summary).toMatchObject({ keep: 4, overwrite: 1, create: 0 });
    expect(planned.summary.bytesToFetch).toBeLessThan(310_000);
    const abort = new AbortController();
    const stopped = watched(maker, (count) => count === 3 && abort.abort());
    const cancelled = { ...inPlace, signal: abort.signal };
    await expect(
      restoreSnapshot(stopped.source, maker.index, snapshot, target, cancelled),
    ).rejects.toMatchObject({ code: 'cancelled' });
    expect(readFileSync(join(target, 'dir/one')).subarray(650_000, 650_007).toString()).toBe('changed');
    await restoreSnapshot(maker, maker.index, snapshot, target, inPlace);
    const whole = Array.from({ length: 8 }, (_, index) => noise(300_000, `chunk ${index}`));
    expect(readFileSync(join(target, 'dir/one')).equals(Buffer.concat(whole))).toBe(true);
    expect(lstatSync(join(target, 'two')).ino).toBe(before);
  });

  it('sees with content what size and time hide, and sets modes and times alone where the content is right', async () => {
    const maker = new SnapshotMaker();
    const snapshot = maker.snapshot([
      maker.file('a', Buffer.from('right')),
      maker.file('b', Buffer.from('right')),
    ]);
    await restoreSnapshot(maker, maker.index, snapshot, target, { workers });
    const { mtime, ino } = lstatSync(join(target, 'b'));
    writeFileSync(join(target, 'a'), 'wrong');
    utimesSync(join(target, 'a'), mtime, mtime);
    const fd = openSync(join(target, 'a'), 'r');
    setOpenTimes(fd, 0n, 1_580_608_922_123_456_789n);
    closeSync(fd);
    chmodSync(join(target, 'b'), 0o600);
    const inPlace = { workers, into: 'in-place' } as const;
    await restoreSnapshot(maker, maker.index, snapshot, target, inPlace);
    expect(readFileSync(join(target, 'a'), 'utf8')).toBe('wrong');
    await restoreSnapshot(maker, maker.index, snapshot, target, { ...inPlace, verify: 'content' });
    expect(readFileSync(join(target, 'a'), 'utf8')).toBe('right');
    expect(lstatSync(join(target, 'b'))).toMatchObject({ ino, mode: 0o100644 });
  });

  it('restores selected paths, with the directories on the way and nothing beside them', async () => {
    const maker = new SnapshotMaker();
    const snapshot = maker.snapshot([
      maker.dir('way', [
        maker.dir('in', [maker.file('a', Buffer.from('a'))]),
        maker.file('beside', Buffer.from('b')),
      ]),
      maker.file('c', Buffer.from('c')),
    ]);
    const paths = [Buffer.from('/way/in/'), Buffer.from('c')];
    await restoreSnapshot(maker, maker.index, snapshot, target, { workers, paths });
    expect(namesIn(target)).toEqual(['c', 'way', 'way/in', 'way/in/a']);
    await restoreSnapshot(maker, maker.index, snapshot, `${target}2`, { workers, from: Buffer.from('way') });
    expect(namesIn(`${target}2`)).toEqual(['beside', 'in', 'in/a']);
    for (const missing of ['way/nothing', 'c/beneath', '../c']) {
      const run = { workers, paths: [Buffer.from(missing)] };
      await expect(planRestore(maker, maker.index, snapshot, `${target}3`, run)).rejects.toMatchObject({
        code: 'path_not_found',
      });
    }
    expect(existsSync(`${target}3`)).toBe(false);
  });

  it('takes a damaged blob from another pack, and fails only the files that have none', async () => {
    const maker = new SnapshotMaker();
    const [good, bad] = [noise(5_000, 'good'), noise(5_000, 'bad')];
    const nodes = [
      maker.file('bad', bad),
      maker.file('good', good),
      maker.file('both', [good, bad]),
      maker.file('fine', Buffer.from('fine')),
    ];
    const snapshot = maker.snapshot(nodes);
    const damage = (id: string) => {
      const { packId, offset, lengthBytes } = maker.index.find(
        'data',
        hash('sha256', id === 'good' ? good : bad),
      )!;
      const bytes = maker.store.get('pack', packId)!;
      bytes[offset + (lengthBytes >> 1)]! ^= 1;
    };
    const packId = maker.index.find('data', hash('sha256', good))!.packId;
    const copy = new SnapshotMaker(undefined, maker.masterKey);
    copy.file('good', good);
    copy.snapshot([]);
    for (const pack of copy.index.packs()) {
      maker.store.put('pack', pack.id, copy.store.get('pack', pack.id)!, new Date(0));
      maker.index.add(pack.id, pack.blobs(), { saved: true });
    }
    expect(maker.index.find('data', hash('sha256', good))!.packId).toBe(packId);
    damage('good');
    damage('bad');
    const result = await restoreSnapshot(maker, maker.index, snapshot, target, { workers });
    expect(result.failed.map(({ path }) => path).sort()).toEqual(['bad', 'both']);
    expect(namesIn(target)).toEqual(['fine', 'good']);
    expect(readFileSync(join(target, 'good')).equals(good)).toBe(true);
  });

  it('leaves holes where the snapshot has zeros, and fetches none of them', async () => {
    const maker = new SnapshotMaker();
    const MiB = 1_024 * 1_024;
    const chunks = [
      noise(MiB, 'head'),
      ...Array.from({ length: 30 }, () => Buffer.alloc(MiB)),
      noise(MiB, 'tail'),
    ];
    const within = Buffer.concat([noise(100_000, 'a'), Buffer.alloc(500_000), noise(1_000, 'b')]);
    const snapshot = maker.snapshot([maker.file('sparse', chunks), maker.file('within', within)]);
    const { summary } = await restoreSnapshot(maker, maker.index, snapshot, target, { workers });
    expect(readFileSync(join(target, 'sparse')).equals(Buffer.concat(chunks))).toBe(true);
    expect(readFileSync(join(target, 'within')).equals(within)).toBe(true);
    expect(lstatSync(join(target, 'sparse')).blocks * 512).toBeLessThan(3 * MiB);
    expect(lstatSync(join(target, 'within')).blocks * 512).toBeLessThan(200_000);
    expect(summary.bytesToWrite).toBe(2 * MiB + within.length);
  });
});
