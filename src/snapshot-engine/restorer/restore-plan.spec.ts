import { describe, expect, it } from '@jest/globals';
import { SEALED_OVERHEAD_BYTES } from '../crypto/blob-cipher.js';
import { ContentResolver } from './file-content.js';
import { planFetches, MAX_RANGE_BYTES } from './fetch-plan.js';
import { makeRestorePlan, temporaryPathOf, type RestorePlanInput } from './restore-plan.js';
import type { BlobLocation } from './restore-source.js';
import type { TargetEntry } from './target-tree.js';
import type { WantedEntry } from './wanted-entry.js';

const MTIME = 1_700_000_000_000_000_001n;

/** Blobs are called by a letter and have 100 bytes. */
const blob = (id: string, more: Partial<BlobLocation> = {}): BlobLocation => ({
  id,
  type: 'data',
  packId: 'pack',
  offset: 0,
  lengthBytes: 100 + SEALED_OVERHEAD_BYTES,
  uncompressedBytes: 0,
  ...more,
});
const index = {
  find: (_type: string, id: string) => (id === 'missing' ? undefined : blob(id)),
  findAll: () => [],
  disputedData: () => new Set<string>(),
};

function wanted(path: string, content: string, more: Partial<WantedEntry> = {}): WantedEntry {
  return {
    path, type: 'file', permissions: 0o644, uid: -1, gid: -1, mtimeNs: MTIME, atimeNs: MTIME,
    sizeBytes: content.length * 100, content: [...content], attributes: [], ancestor: false, ...more,
  }; // prettier-ignore
}
const wantedDir = (path: string, more: Partial<WantedEntry> = {}) =>
  wanted(path, '', { type: 'dir', ...more });

function there(type: TargetEntry['type'], more: Partial<TargetEntry> = {}): TargetEntry {
  return {
    type, permissions: 0o644, uid: 0, gid: 0, sizeBytes: 100, mtimeNs: MTIME, links: 1, file: 'f', device: 0n,
    sameFileSystem: true, ...more,
  }; // prettier-ignore
}

async function plan(
  entries: WantedEntry[],
  target: Record<string, TargetEntry> = {},
  more: Partial<RestorePlanInput> = {},
) {
  const input: RestorePlanInput = {
    wanted: entries,
    refused: [],
    target: { entries: new Map(Object.entries(target)), temporary: new Set() },
    reuse: new Map(),
    verify: 'status',
    mirror: false,
    isSelected: () => true,
    ...more,
  };
  const made = await makeRestorePlan(input, new ContentResolver(index, 1_000_000));
  const actions = Object.fromEntries(made.entries.map(({ entry, action }) => [entry.path, action]));
  return { ...made, actions };
}

describe('the plan of a restore', () => {
  it('creates everything in an empty target and fetches each blob once', async () => {
    const { actions, summary } = await plan([
      wantedDir('d'),
      wanted('d/a', 'ab'),
      wanted('b', 'bc'),
      wanted('c', ''),
    ]);
    expect(actions).toEqual({ d: 'create', 'd/a': 'create', b: 'create', c: 'create' });
    expect(summary).toEqual({
      create: 4, overwrite: 0, keep: 0, delete: 0, refused: 0,
      bytesToFetch: 3 * (100 + SEALED_OVERHEAD_BYTES), bytesToWrite: 400,
    }); // prettier-ignore
  });

  it('keeps files of the same size and time, and replaces others', async () => {
    const { actions, summary } = await plan(
      [wanted('same', 'a'), wanted('time', 'b'), wanted('size', 'cc')],
      {
        same: there('file'),
        time: there('file', { mtimeNs: MTIME + 1n }),
        size: there('file'),
      },
    );
    expect(actions).toEqual({ same: 'keep', time: 'overwrite', size: 'overwrite' });
    expect(summary.bytesToFetch).toBe(2 * (100 + SEALED_OVERHEAD_BYTES));
  });

  it('believes content alone when it verifies content', async () => {
    const target = {
      same: there('file', { mtimeNs: 5n }),
      differs: there('file'),
      unread: there('file'),
      empty: there('file', { sizeBytes: 0 }),
    };
    const reuse = new Map([
      ['same', { from: 'target' as const, present: Uint8Array.of(1) }],
      ['differs', { from: 'target' as const, present: Uint8Array.of(0) }],
    ]);
    const entries = [wanted('same', 'a'), wanted('differs', 'b'), wanted('unread', 'c'), wanted('empty', '')];
    const { actions } = await plan(entries, target, { reuse, verify: 'content' });
    expect(actions).toEqual({ same: 'keep', differs: 'overwrite', unread: 'overwrite', empty: 'keep' });
  });

  it('fetches only the blobs of a file that the disk does not have', async () => {
    const reuse = new Map([['a', { from: 'target' as const, present: Uint8Array.of(1, 0, 1) }]]);
    const { summary, entries } = await plan(
      [wanted('a', 'abc')],
      { a: there('file', { sizeBytes: 300, mtimeNs: 5n }) },
      { reuse },
    );
    expect(summary).toMatchObject({ bytesToFetch: 100 + SEALED_OVERHEAD_BYTES, bytesToWrite: 300 });
    expect(entries[0]).toMatchObject({ action: 'overwrite', reuse: { from: 'target' } });
  });

  it('goes on with what an interrupted restore has left, and clears away what is of no use', async () => {
    const reuse = new Map([['d/a', { from: 'temporary' as const, present: Uint8Array.of(1, 0) }]]);
    const temporary = new Set([temporaryPathOf('d/a'), temporaryPathOf('gone')]);
    const made = await plan(
      [wantedDir('d'), wanted('d/a', 'ab')],
      {},
      { reuse, target: { entries: new Map(), temporary } },
    );
    expect(made.leftovers).toEqual([temporaryPathOf('gone')]);
    expect(made.summary.bytesToFetch).toBe(100 + SEALED_OVERHEAD_BYTES);
  });

  it('refuses files whose content cannot be right', async () => {
    const { refused, actions } = await plan([
      wanted('short', 'a', { sizeBytes: 99 }),
      wanted('long', 'a', { sizeBytes: 101 }),
      wanted('gone', '', { content: ['missing'], sizeBytes: 100 }),
    ]);
    expect(refused.map(({ path, reason }) => `${path} ${reason}`)).toEqual([
      'short size_mismatch',
      'long size_mismatch',
      'gone missing_blob',
    ]);
    expect(actions).toEqual({});
  });

  it('replaces links and files by directories, but no directory unless it mirrors', async () => {
    const entries = [wantedDir('link'), wanted('link/a', 'a'), wanted('dir', 'b')];
    const target = { link: there('symlink'), dir: there('dir'), 'dir/x': there('file') };
    const careful = await plan(entries, target);
    expect(careful.actions).toEqual({ link: 'overwrite', 'link/a': 'create' });
    expect(careful.refused).toEqual([{ path: 'dir', reason: 'in_the_way' }]);
    const mirror = await plan(entries, target, { mirror: true });
    expect(mirror.actions).toMatchObject({ dir: 'overwrite' });
    expect(mirror.deletions).toEqual([{ path: 'dir/x', isDirectory: false }]);
  });

  it('deletes in a mirror what the snapshot does not have, from the inside out, and nothing else', async () => {
    const target = {
      '': there('dir'), a: there('file'), old: there('dir'), 'old/x': there('file'), 'old/y': there('dir'), 'old/y/z': there('fifo'),
      refused: there('file'), mounted: there('dir', { sameFileSystem: false }), other: there('file'),
    }; // prettier-ignore
    const refused = [{ path: 'refused', reason: 'special_file' as const }];
    const made = await plan([wanted('a', 'a')], target, {
      refused,
      mirror: true,
      isSelected: (path) => path !== 'other',
    });
    expect(made.deletions.map(({ path }) => path)).toEqual(['old/y/z', 'old/y', 'old/x', 'old']);
    expect(made.refused).toContainEqual({ path: 'mounted', reason: 'other_file_system' });
    expect((await plan([wanted('a', 'a')], target)).deletions).toEqual([]);
  });

  it('links further names, and keeps those that are linked already', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((path) => wanted(path, 'a', { hardLink: '1' }));
    const fresh = await plan([a!, b!, c!]);
    expect(fresh.entries.map(({ linkTo }) => linkTo)).toEqual([undefined, 'a', 'a']);
    expect(fresh.summary.bytesToWrite).toBe(100);
    const linked = there('file', { links: 2, file: '7' });
    const again = await plan([a!, b!, c!], { a: linked, b: linked, c: there('file', { file: '8' }) });
    expect(again.actions).toEqual({ a: 'keep', b: 'keep', c: 'overwrite' });
  });

  it('does not touch a file that has a name outside of the target', async () => {
    expect((await plan([wanted('a', 'a')], { a: there('file', { links: 2 }) })).actions).toEqual({
      a: 'overwrite',
    });
  });

  it('leaves directories alone that are only on the way', async () => {
    const made = await plan([wantedDir('way', { ancestor: true }), wanted('way/a', 'a')], {
      way: there('dir'),
    });
    expect(made.actions).toEqual({ way: 'keep', 'way/a': 'create' });
  });

  it('makes other links and special files anew, the same ones not', async () => {
    const link = (path: string, linkTarget: string) => wanted(path, '', { type: 'symlink', linkTarget });
    const { actions } = await plan(
      [link('same', 'x'), link('other', 'x'), wanted('fifo', '', { type: 'fifo' })],
      {
        same: there('symlink', { linkTarget: 'x' }),
        other: there('symlink', { linkTarget: 'y' }),
        fifo: there('file'),
      },
    );
    expect(actions).toEqual({ same: 'keep', other: 'overwrite', fifo: 'overwrite' });
  });
});

describe('the requests of a restore', () => {
  const at = (packId: string, offset: number, lengthBytes: number) =>
    blob(`${packId}${offset}`, { packId, offset, lengthBytes });

  it('joins neighbours of a pack, whatever their order, and jumps over what nobody needs', () => {
    const ranges = planFetches([
      at('b', 500, 100),
      at('a', 0, 10),
      at('b', 0, 100),
      at('b', 100, 100),
      at('b', 9_000_000, 5),
    ]);
    expect(
      ranges.map(({ packId, offset, lengthBytes, blobs }) => [packId, offset, lengthBytes, blobs.length]),
    ).toEqual([
      ['b', 0, 600, 3],
      ['b', 9_000_000, 5, 1],
      ['a', 0, 10, 1],
    ]);
  });

  it('ends a range at its bound, unless one blob is longer', () => {
    const MiB = 1_024 * 1_024;
    const ranges = planFetches([at('a', 0, 3 * MiB), at('a', 3 * MiB, 3 * MiB), at('a', 6 * MiB, 20 * MiB)]);
    expect(ranges.map(({ lengthBytes }) => lengthBytes / MiB)).toEqual([3, 3, 20]);
    expect(3 * MiB).toBeLessThan(MAX_RANGE_BYTES);
  });

  it('takes turns between parts of the list, each range once', () => {
    const blobs = Array.from('abcdefg', (pack) => at(pack, 0, 10));
    const packsOf = (fronts: number) => planFetches(blobs, fronts).map(({ packId }) => packId);
    expect(packsOf(1).join('')).toBe('abcdefg');
    expect(packsOf(2).join('')).toBe('aebfcgd');
    expect(packsOf(3).join('')).toBe('adgbecf');
    expect(packsOf(100).join('')).toBe('abcdefg');
    expect(planFetches([], 2)).toEqual([]);
  });

  it('leaves small files to all threads', () => {
    const blobs = Array.from({ length: 1_200 }, (_, place) => at('a', place * 100, 100));
    expect(planFetches(blobs).map((range) => range.blobs.length)).toEqual([500, 500, 200]);
  });

  it('does not join what decompresses to more than memory should hold', () => {
    const bomb = (offset: number) => ({ ...at('a', offset, 1_000), uncompressedBytes: 50_000_000 });
    expect(planFetches([bomb(0), bomb(1_000), bomb(2_000)])).toHaveLength(3);
  });
});
