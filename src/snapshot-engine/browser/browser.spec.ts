import { describe, expect, it } from '@jest/globals';
import { buffer } from 'node:stream/consumers';
import { noise } from '../../../test/support/noise.js';
import { node, SnapshotMaker, type RawNode } from '../../../test/support/snapshot-maker.js';
import { BlobCipher } from '../crypto/blob-cipher.js';
import type { RepositoryError } from '../errors/repository-error.js';
import { BlobLoader } from '../repository/blob-loader.js';
import type { StoredSnapshot } from '../snapshot/snapshot-list.js';
import type { BrowsedRepository } from './browsed-repository.js';
import { SnapshotBrowser } from './snapshot-browser.js';
import { parseSnapshotPath, showPath } from './snapshot-path.js';

const path = parseSnapshotPath;
const bytes = (text: string) => Buffer.from(text);

/** A browser over what a maker has made, and the ids of the blobs that it loads. */
function browse(maker: SnapshotMaker, intercept?: (id: string) => void) {
  const loader = new BlobLoader(maker.files, new BlobCipher(maker.masterKey));
  const loads: string[] = [];
  const repository: BrowsedRepository['repository'] = {
    loadBlob: (type, id, index, options) => {
      loads.push(id);
      intercept?.(id);
      return loader.load(type, id, index, options);
    },
  };
  return { browser: new SnapshotBrowser({ repository, index: maker.index }), loads };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

function stored(maker: SnapshotMaker, timeNs: bigint, nodes: readonly RawNode[]): StoredSnapshot {
  const { tree } = maker.snapshot(nodes);
  return { id: `snapshot-${timeNs}`, timeNs, tree, paths: ['/w'] };
}

describe('a directory of a snapshot', () => {
  const maker = new SnapshotMaker();
  const snapshot = maker.snapshot([
    maker.dir('d', [maker.file('a', bytes('1')), maker.dir('deep', []), maker.symlink('l', '../d')]),
    maker.file('file', bytes('2')),
    maker.symlink('to-d', 'd'),
  ]);
  const { browser } = browse(maker);
  const list = async (text: string, options = {}) => {
    const { entries, ...rest } = await browser.listDirectory(snapshot, path(text), options);
    return { names: entries.map(({ name }) => name.toString()), ...rest };
  };

  it('is listed, at the root and below', async () => {
    expect(await list('/')).toEqual({ names: ['d', 'file', 'to-d'], isLast: true, problems: [] });
    expect(await list('d/')).toMatchObject({ names: ['a', 'deep', 'l'] });
    expect(await list('//d//deep')).toMatchObject({ names: [] });
  });

  it('comes in pages', async () => {
    expect(await list('', { limit: 2 })).toMatchObject({ names: ['d', 'file'], isLast: false });
    expect(await list('', { limit: 2, after: bytes('file') })).toMatchObject({
      names: ['to-d'],
      isLast: true,
    });
    expect(await list('', { limit: 3 })).toMatchObject({ isLast: true });
  });

  it('is not found where there is none, nor behind a link', async () => {
    for (const wrong of ['nowhere', 'd/nowhere/x', 'file', 'file/x', 'to-d', 'to-d/a']) {
      await expect(list(wrong)).rejects.toMatchObject({ code: 'path_not_found' });
    }
    expect(() => path('d/../d')).toThrow('no such names');
    expect(() => path('d/./a')).toThrow('no such names');
    expect(() => path('d/\0')).toThrow('no such names');
  });

  it('is listed without its unsafe entries, and with what is wrong with it', async () => {
    const hostile = new SnapshotMaker();
    const { tree } = hostile.snapshot([
      hostile.file('..', bytes('x')),
      hostile.file('a', bytes('x'), { content: undefined }),
      hostile.file('b', bytes('x')),
      hostile.file('b', bytes('y')),
    ]);
    const { entries, problems } = await browse(hostile).browser.listDirectory({ tree }, []);
    expect(entries.map(({ name }) => name.toString())).toEqual(['a', 'b', 'b']);
    expect(problems.map(({ code }) => code)).toEqual([
      'unsafe_repository',
      'damaged_repository',
      'damaged_repository',
    ]);
  });

  it('keeps names that are not UTF-8', async () => {
    const odd = new SnapshotMaker();
    const { tree } = odd.snapshot([odd.dir('\\xff', [odd.file('in', bytes('x'))])]);
    const { browser: oddBrowser } = browse(odd);
    const { entries } = await oddBrowser.listDirectory({ tree }, []);
    expect(entries[0]!.name).toEqual(Buffer.of(0xff));
    expect((await oddBrowser.listDirectory({ tree }, [Buffer.of(0xff)])).entries).toHaveLength(1);
    expect(showPath([Buffer.of(0xff)])).toBe('/\ufffd');
  });
});

describe('a file of a snapshot', () => {
  const maker = new SnapshotMaker(64 * 1_024);
  const chunks = Array.from({ length: 12 }, (_, i) => noise(10_000 + i * 777, `chunk ${i}`));
  const content = Buffer.concat(chunks);
  const snapshot = maker.snapshot([
    maker.dir('d', [
      maker.file('empty', []),
      maker.file('large', chunks),
      maker.symlink('link', 'large'),
      maker.file('long', bytes('12'), { size: 3 }),
      maker.file('lost', bytes('x'), { content: ['ab'.repeat(32)], size: 1 }),
      maker.file('null', bytes('x'), { content: null }),
      maker.file(
        'wide',
        Array.from({ length: 20 }, (_, i) => noise(70_000, `wide ${i}`)),
      ),
      maker.file('out-of-order', bytes('found all the same')),
    ]),
  ]);

  it('is streamed whole', async () => {
    const { browser } = browse(maker);
    const { node: found, stream } = await browser.openFile(snapshot, path('d/large'));
    expect(found.sizeBytes).toBe(content.length);
    expect((await buffer(stream)).equals(content)).toBe(true);
    expect(await buffer((await browser.openFile(snapshot, path('d/empty'))).stream)).toHaveLength(0);
  });

  it.each([
    [0, 1, 1],
    [9_999, 10_001, 2],
    [10_000, 20_777, 1],
    [25_000, 25_000, 0],
    [content.length - 1, content.length + 5, 1],
    [content.length, content.length + 5, 0],
    [5, undefined, 12],
  ])('is streamed from %i to %s with %i blobs', async (start, end, blobs) => {
    const { browser, loads } = browse(maker);
    const { stream } = await browser.openFile(snapshot, path('d/large'), { range: { start, end } });
    expect((await buffer(stream)).equals(content.subarray(start, end))).toBe(true);
    // Two trees on the way.
    expect(loads.length - 2).toBe(blobs);
  });

  it('reads only a little ahead', async () => {
    const { browser, loads } = browse(maker);
    const { stream } = await browser.openFile(snapshot, path('d/wide'));
    await new Promise((resolve) => stream.once('readable', resolve));
    await new Promise((resolve) => setTimeout(resolve, 20));
    // Two trees; one that is read, four ahead and one more, because reading goes on when the first is taken.
    expect(loads.length).toBeLessThanOrEqual(2 + 6);
    stream.destroy();
  });

  it('fails with what could not be read, and ends with its signal', async () => {
    const failing = browse(maker, (id) => {
      if (id === snapshotContent(5)) throw new Error('the store is away');
    });
    const { stream } = await failing.browser.openFile(snapshot, path('d/large'));
    await expect(buffer(stream)).rejects.toThrow('the store is away');
    const controller = new AbortController();
    const { browser } = browse(maker);
    const aborted = await browser.openFile(snapshot, path('d/large'), { signal: controller.signal });
    aborted.stream.once('data', () => controller.abort());
    await expect(buffer(aborted.stream)).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('is not looked for after an abort, nor anything else', async () => {
    const { browser } = browse(maker, () => abort.abort());
    let abort = new AbortController();
    const { tree } = snapshot;
    const looks: ((signal: AbortSignal) => Promise<unknown>)[] = [
      (signal) => browser.openFile(snapshot, path('d/large'), { signal }),
      (signal) => browser.listDirectory(snapshot, path('d'), { signal }),
      (signal) => all(browser.findFiles(snapshot, '*', { signal })),
      (signal) => all(browser.diffSnapshots(snapshot, { tree: '0'.repeat(64) }, { signal })),
      (signal) =>
        browser.fileVersions([{ id: 'x', timeNs: 0n, tree, paths: [] }], path('d/large'), { signal }),
    ];
    for (const look of looks) {
      abort = new AbortController();
      await expect(look(abort.signal)).rejects.toMatchObject({ code: 'cancelled' });
      await expect(look(AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    }
  });

  it('is none where it is something else, lost, or not as long as it says', async () => {
    const { browser } = browse(maker);
    const failure = (text: string) =>
      browser.openFile(snapshot, path(text)).catch((error: RepositoryError) => error);
    expect(await failure('d')).toMatchObject({ code: 'path_not_found' });
    expect(await failure('d/link')).toMatchObject({ code: 'path_not_found' });
    expect(await failure('/')).toMatchObject({ code: 'path_not_found' });
    expect(await failure('d/long')).toMatchObject({ code: 'damaged_repository', subject: '/d/long' });
    expect(await failure('d/null')).toMatchObject({ code: 'damaged_repository', subject: '/d/null' });
    // The tree is out of order: what is not found in it may have been lost.
    expect(await failure('d/nowhere')).toMatchObject({ code: 'damaged_repository' });
    const { stream } = await browser.openFile(snapshot, path('d/out-of-order'));
    expect((await buffer(stream)).toString()).toBe('found all the same');
    expect(await failure('d/lost')).toMatchObject({ code: 'damaged_repository', subject: '/d/lost' });
  });

  function snapshotContent(number: number): string {
    return maker.blob('data', chunks[number]!);
  }
});

describe('the versions of a file', () => {
  it('are its distinct contents, newest first, and no tree is loaded twice', async () => {
    const maker = new SnapshotMaker();
    const day = (content: string | undefined, other: string) => [
      maker.dir('d', [
        ...(content === undefined ? [] : [maker.file('f', bytes(content))]),
        maker.file('other', bytes(other)),
      ]),
    ];
    const snapshots = [
      stored(maker, 1n, day('one', '')),
      stored(maker, 2n, day('two', '')),
      stored(maker, 3n, day('two', '')),
      stored(maker, 4n, day(undefined, '')),
      stored(maker, 5n, day('one', 'x')),
      stored(maker, 6n, [maker.file('d', bytes('no directory'))]),
    ];
    const { browser, loads } = browse(maker);
    const { versions, absentFrom } = await browser.fileVersions(snapshots, path('d/f'));
    expect(versions.map((version) => version.snapshots.map(({ timeNs }) => timeNs))).toEqual([
      [5n, 1n],
      [3n, 2n],
    ]);
    expect(versions.map((version) => version.node.sizeBytes)).toEqual([3, 3]);
    expect(absentFrom.map(({ timeNs }) => timeNs)).toEqual([6n, 4n]);
    expect(new Set(loads).size).toBe(loads.length);
  });

  it('are few loads for many snapshots that hardly differ', async () => {
    const maker = new SnapshotMaker();
    const snapshots = Array.from({ length: 200 }, (_, i) =>
      stored(maker, BigInt(i), [
        maker.dir('d', [maker.file('f', bytes('same'))]),
        maker.file('x', bytes(String(i >> 5))),
      ]),
    );
    const { browser, loads } = browse(maker);
    const { versions } = await browser.fileVersions(snapshots, path('d/f'));
    expect(versions).toHaveLength(1);
    expect(versions[0]!.snapshots).toHaveLength(200);
    expect(loads).toHaveLength(7 + 1);
  });
});

describe('the difference of two snapshots', () => {
  const told = async (maker: SnapshotMaker, before: readonly RawNode[], after: readonly RawNode[]) => {
    const [from, to] = [maker.snapshot(before), maker.snapshot(after)];
    const { browser, loads } = browse(maker);
    const changes = await all(browser.diffSnapshots(from, to));
    return { changes: changes.map((change) => `${change.kind} ${showPath(change.path)}`), loads };
  };

  it('tells what was added, removed, changed or turned into something else', async () => {
    const maker = new SnapshotMaker();
    const before = [
      maker.file('content', bytes('1')),
      maker.dir('gone', [maker.file('in-it', bytes('1')), maker.dir('sub', [maker.file('x', bytes('1'))])]),
      maker.symlink('link', 'a'),
      maker.file('mode', bytes('1')),
      maker.dir('same', [maker.file('x', bytes('1'))]),
      maker.file('same-but-inode', bytes('1'), { inode: 1, device_id: 1, ctime: '2001-01-01T00:00:00Z' }),
      maker.special('special', 'dev'),
      maker.file('turned', bytes('1')),
    ];
    const after = [
      maker.file('content', bytes('2')),
      maker.symlink('link', 'b'),
      maker.file('mode', bytes('1'), { mode: 0o600 }),
      maker.dir('new', [maker.file('y', bytes('1'))]),
      maker.dir('same', [maker.file('x', bytes('1'))]),
      maker.file('same-but-inode', bytes('1'), { inode: 2, device_id: 2, ctime: '2002-01-01T00:00:00Z' }),
      maker.special('special', 'dev', { device: 260 }),
      maker.dir('turned', [maker.file('z', bytes('1'))]),
    ];
    expect((await told(maker, before, after)).changes).toEqual([
      'modified /content',
      'removed /gone',
      'modified /link',
      'metadata /mode',
      'added /new',
      'modified /special',
      'type /turned',
      'removed /gone/in-it',
      'removed /gone/sub',
      'removed /gone/sub/x',
      'added /new/y',
      'added /turned/z',
    ]);
  });

  it('compares attributes whatever their order', async () => {
    const maker = new SnapshotMaker();
    const [a, b] = [
      { name: 'user.a', value: 'YQ==' },
      { name: 'user.b', value: 'Yg==' },
    ];
    const file = (extended_attributes: object[]) => [maker.file('f', bytes('1'), { extended_attributes })];
    expect((await told(maker, file([a, b]), file([b, a]))).changes).toEqual([]);
    expect((await told(maker, file([a, b]), file([a]))).changes).toEqual(['metadata /f']);
    expect((await told(maker, file([a]), file([{ ...a, value: 'Yg==' }]))).changes).toEqual(['metadata /f']);
  });

  it('passes over what is the same without reading it', async () => {
    const maker = new SnapshotMaker();
    const large = maker.dir(
      'large',
      Array.from({ length: 50 }, (_, i) => maker.dir(`d${10 + i}`, [maker.file(`f${i}`, bytes('1'))])),
    );
    const small = (text: string) => maker.dir('small', [maker.file('x', bytes(text))]);
    const { changes, loads } = await told(maker, [large, small('1')], [large, small('2')]);
    expect(changes).toEqual(['modified /small/x']);
    expect(loads).toHaveLength(4);
    const same = maker.snapshot([large]);
    const { browser, loads: none } = browse(maker);
    expect(await all(browser.diffSnapshots(same, same))).toEqual([]);
    expect(none).toEqual([]);
  });

  it('throws the first problem, and ends when it is no longer wanted', async () => {
    const maker = new SnapshotMaker();
    const bad = maker.dir('bad', [maker.file('../x', bytes('1'))]);
    await expect(told(maker, [], [bad])).rejects.toMatchObject({ code: 'unsafe_repository' });
    const controller = new AbortController();
    const { browser } = browse(maker);
    const [from, to] = [maker.snapshot([]), maker.snapshot([maker.dir('a', [maker.dir('b', [])])])];
    const changes = browser.diffSnapshots(from, to, { signal: controller.signal });
    await changes.next();
    controller.abort(new Error('enough'));
    await expect(changes.next()).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('a snapshot of 4,000 directories, one in another', () => {
  const DEPTH = 4_000;
  const maker = new SnapshotMaker();
  let inner: RawNode = maker.file('needle', bytes('1'));
  for (let i = 0; i < DEPTH; i++) inner = node('d', 'dir', 2 ** 31 + 0o755, { subtree: maker.tree([inner]) });
  const deep = maker.snapshot([inner]);
  const needle = [...Array.from({ length: DEPTH }, () => bytes('d')), bytes('needle')];

  it('is searched, read and compared', async () => {
    const { browser } = browse(maker);
    const [found] = await all(browser.findFiles(deep, 'nee*'));
    expect(showPath(found!.path)).toBe(showPath(needle));
    expect((await buffer((await browser.openFile(deep, needle)).stream)).toString()).toBe('1');
    let removed = 0;
    for await (const change of browser.diffSnapshots(deep, maker.snapshot([])))
      removed += change.kind === 'removed' ? 1 : 0;
    expect(removed).toBe(DEPTH + 1);
  });
});

describe('files of a snapshot', () => {
  const maker = new SnapshotMaker();
  const snapshot = maker.snapshot([
    maker.file('a.txt', bytes('1')),
    maker.dir('d', [maker.file('b.txt', bytes('1')), maker.file('ü.txt', bytes('1'))]),
    maker.dir('e', [maker.file('b.text', bytes('1'))]),
  ]);
  const found = async (pattern: string, below = '') => {
    const entries = await all(browse(maker).browser.findFiles(snapshot, pattern, { below: path(below) }));
    return entries.map((entry) => showPath(entry.path));
  };

  it.each([
    ['*.txt', ['/a.txt', '/d/b.txt', '/d/ü.txt']],
    ['?.txt', ['/a.txt', '/d/b.txt', '/d/ü.txt']],
    ['b*', ['/d/b.txt', '/e/b.text']],
    ['*t*t', ['/a.txt', '/d/b.txt', '/d/ü.txt', '/e/b.text']],
    ['d', ['/d']],
    ['*', ['/a.txt', '/d', '/e', '/d/b.txt', '/d/ü.txt', '/e/b.text']],
    ['??.txt', []],
    ['', []],
  ])('are found by %j', async (pattern, paths) => expect(await found(pattern)).toEqual(paths));

  it('are found below a directory', async () => expect(await found('b*', 'e')).toEqual(['/e/b.text']));

  it('are found in time whatever the pattern', async () => {
    const many = new SnapshotMaker();
    const { tree } = many.snapshot([many.file('a'.repeat(250), bytes('1'))]);
    const entries = await all(browse(many).browser.findFiles({ tree }, `${'*a'.repeat(120)}b`));
    expect(entries).toEqual([]);
  });
});
