import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  closeSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { ArchiveMaker, TemporaryFolder } from '../../../test/support/archive-maker.js';
import {
  MemoryRepositoryFiles,
  MemoryRepositoryStore,
} from '../../../test/support/memory-repository-files.js';
import { noise } from '../../../test/support/noise.js';
import type { RemoteService, Workers } from '../workers/worker-service.js';
import { isRepositoryError } from '../errors/repository-error.js';
import { DEFAULT_POLICY } from './archive-policy.js';

const MIB = 1_024 * 1_024;
/** Old enough to be trusted at once. */
const LONG_AGO = new Date('2020-02-02');

describe('archive', () => {
  let folder: TemporaryFolder;
  let store: MemoryRepositoryStore;
  let files: MemoryRepositoryFiles;
  let maker: ArchiveMaker;

  beforeEach(async () => {
    folder = new TemporaryFolder();
    store = new MemoryRepositoryStore();
    files = new MemoryRepositoryFiles(store);
    maker = await ArchiveMaker.create(files);
  });
  afterEach(() => folder.remove());

  const at = (...names: string[]) => join(folder.path, ...names);
  const write = (name: string, content: string | Buffer) => {
    mkdirSync(join(at(name), '..'), { recursive: true });
    writeFileSync(at(name), content);
  };
  const saved = () => files.calls.filter(({ method }) => method === 'save').map(({ kind }) => kind);

  it('lists packs in index files as often as it is told', async () => {
    write('file', 'content');
    const limits = { maxParallel: 1, maxBytes: 32 * MIB };
    await maker.archive(folder.path, { limits, maxUnlistedBytes: 1 });
    expect(saved().filter((kind) => kind === 'index')).toHaveLength(2);
    write('file', 'other content');
    await maker.archive(folder.path, { limits });
    expect(saved().filter((kind) => kind === 'index')).toHaveLength(3);
  });

  it('stores small, empty and large files with their content', async () => {
    const large = noise(5 * MIB, 1);
    write('a/small', 'some text');
    write('a/empty', '');
    write('large', large);
    const { tree, status } = await maker.archive(folder.path);
    expect(status).toBe('complete');
    expect(await maker.paths(tree)).toEqual(['a/', 'a/empty', 'a/small', 'large']);
    const [small, empty, big] = await Promise.all(
      ['a/small', 'a/empty', 'large'].map((path) => maker.node(tree, path)),
    );
    expect((await maker.content(small!)).toString()).toBe('some text');
    expect(empty!.content).toEqual([]);
    expect(big!.content!.length).toBeGreaterThan(1);
    expect((await maker.content(big!)).equals(large)).toBe(true);
  });

  it('reads no holes, and cuts them as it cuts zeros', async () => {
    const fd = openSync(at('sparse'), 'w');
    writeSync(fd, noise(1_000_000, 2), 0, 1_000_000, 3 * MIB + 17);
    ftruncateSync(fd, 20 * MIB + 5);
    closeSync(fd);
    const whole = Buffer.alloc(20 * MIB + 5);
    noise(1_000_000, 2).copy(whole, 3 * MIB + 17);
    write('dense', whole);
    const { tree } = await maker.archive(folder.path);
    const [sparse, dense] = [await maker.node(tree, 'sparse'), await maker.node(tree, 'dense')];
    expect(sparse!.content).toEqual(dense!.content);
    expect((await maker.content(sparse!)).equals(whole)).toBe(true);
  });

  it('writes packs, then index, then snapshot: four objects for a small change', async () => {
    write('a/b/file', 'text');
    await maker.archive(folder.path);
    expect(saved().slice(-4)).toEqual(['pack', 'pack', 'index', 'snapshot']);
  });

  it('stores every blob once, however often it occurs', async () => {
    for (const name of ['one', 'two', 'sub/three']) write(name, noise(2 * MIB, 3));
    const { summary } = await maker.archive(folder.path);
    expect(summary.dataAddedBytes - 2 * MIB).toBeLessThan(10_000);
    expect(summary).toMatchObject({ filesNew: 3, totalFilesProcessed: 3, totalBytesProcessed: 6 * MIB });
  });

  it('reads again only what differs from the parent snapshot', async () => {
    for (const name of ['same', 'different']) {
      write(name, `content of ${name}`);
      utimesSync(at(name), LONG_AGO, LONG_AGO);
    }
    const now = () => Date.now() + 60_000;
    const first = await maker.archive(folder.path, { now });
    appendFileSync(at('different'), ' and more');
    const parent = await maker.snapshot(first.snapshot!);
    const second = await maker.archive(folder.path, { parent, now });
    expect(second.summary).toMatchObject({ filesNew: 0, filesChanged: 1, filesUnmodified: 1, dataBlobs: 1 });
    expect((await maker.snapshot(second.snapshot!)).snapshot.parent).toBe(first.snapshot);
  });

  it('writes nothing when nothing has changed', async () => {
    write('a/file', 'text');
    const first = await maker.archive(folder.path);
    const before = saved().length;
    const second = await maker.archive(folder.path, { parent: await maker.snapshot(first.snapshot!) });
    expect(second).toMatchObject({ status: 'unchanged', snapshot: undefined, tree: first.tree });
    expect(saved().length).toBe(before);
  });

  it('stores the content of unchanged files again when the repository has lost it', async () => {
    write('file', 'text');
    utimesSync(at('file'), LONG_AGO, LONG_AGO);
    const now = () => Date.now() + 60_000;
    const first = await maker.archive(folder.path, { now });
    const parent = await maker.snapshot(first.snapshot!);
    const [id] = (await maker.node(first.tree, 'file'))!.content!;
    maker.index.removePack(maker.index.find('data', id!)!.packId);
    write('other', 'new');
    const second = await maker.archive(folder.path, { parent, now });
    expect((await maker.content((await maker.node(second.tree, 'file'))!)).toString()).toBe('text');
  });

  it('leads from the root to the workspace, or holds its contents alone', async () => {
    write('file', 'text');
    const contents = await maker.archive(folder.path);
    const absolute = await maker.archive(folder.path, { layout: 'absolute' });
    expect(await maker.paths(contents.tree)).toEqual(['file']);
    const way = folder.path.slice(1);
    expect((await maker.node(absolute.tree, way))!.subtree).toBe(contents.tree);
  });

  it('keeps names and link targets that are not UTF-8', async () => {
    const name = Buffer.from([0x66, 0xff, 0x6f]);
    writeFileSync(Buffer.concat([Buffer.from(`${folder.path}/`), name]), 'text');
    symlinkSync(name, at('link'));
    const { tree } = await maker.archive(folder.path);
    const nodes = await maker.tree(tree);
    expect(nodes.map((node) => node.name)).toEqual([name, Buffer.from('link')]);
    expect(nodes[1]!.linkTarget).toEqual(name);
  });

  it('stores FIFOs and leaves sockets out', async () => {
    execFileSync('mkfifo', [at('fifo')]);
    const server = createServer().listen(at('socket'));
    await once(server, 'listening');
    const { tree, excluded, status } = await maker.archive(folder.path);
    server.close();
    expect((await maker.tree(tree)).map(({ type }) => type)).toEqual(['fifo']);
    expect({ excluded, status }).toEqual({ excluded: 1, status: 'complete' });
  });

  it('obeys the policy and ignore files, the innermost first', async () => {
    for (const name of [
      'a.log',
      'keep.log',
      'sub/b.log',
      'sub/c.log',
      'sub/deep/c.log',
      'build/x',
      'src/build/x',
    ]) {
      write(name, name);
    }
    write('.stowageignore', '!keep.log\n/build/\n');
    write('sub/.stowageignore', '!c.log\n/deep/\n');
    const policy = { ...DEFAULT_POLICY, excludes: ['*.log'] };
    const { tree, excluded } = await maker.archive(folder.path, { policy });
    expect(await maker.paths(tree)).toEqual([
      '.stowageignore',
      'keep.log',
      'src/',
      'src/build/',
      'src/build/x',
      'sub/',
      'sub/.stowageignore',
      'sub/c.log',
    ]);
    expect(excluded).toBe(4);
  });

  it('leaves caches out unless told otherwise', async () => {
    write('.cache/x', 'x');
    write('tagged/CACHEDIR.TAG', 'Signature: 8a477f597d28d172789f06886806bc55\n');
    write('tagged/x', 'x');
    write('untagged/CACHEDIR.TAG', 'no');
    const policy = DEFAULT_POLICY;
    const without = await maker.archive(folder.path, { policy });
    expect(await maker.paths(without.tree)).toEqual([
      'tagged/',
      'tagged/CACHEDIR.TAG',
      'untagged/',
      'untagged/CACHEDIR.TAG',
    ]);
    const all = await maker.archive(folder.path, { policy: { ...policy, defaultExcludes: false } });
    expect(await maker.paths(all.tree)).toContain('tagged/x');
  });

  it('fails when the workspace is missing or no directory', async () => {
    write('file', 'text');
    for (const path of [at('missing'), at('file')]) {
      await expect(maker.archive(path)).rejects.toMatchObject({ code: 'workspace_unreadable' });
    }
    expect(saved()).not.toContain('snapshot');
  });

  it('is cancelled without a snapshot', async () => {
    write('file', noise(20 * MIB, 4));
    const abort = new AbortController();
    const onProgress = () => abort.abort();
    const failure = await maker
      .archive(folder.path, { signal: abort.signal, onProgress })
      .catch((error: unknown) => error);
    expect(isRepositoryError(failure, 'cancelled')).toBe(true);
    expect(saved()).not.toContain('snapshot');
  });

  it('keeps what was stored before a failure, and forgets the rest', async () => {
    write('file', noise(40 * MIB, 5));
    let packs = 0;
    const failing = {
      ...maker.target,
      index: maker.index,
      files: {
        save: async (...call: Parameters<MemoryRepositoryFiles['save']>) => {
          if (call[0] === 'pack' && ++packs > 1) throw new Error('The network is gone.');
          await files.save(...call);
        },
      },
    };
    await expect(maker.archive(folder.path, { target: failing })).rejects.toThrow('The network is gone.');
    expect(maker.index.packCount).toBe(1);
    const { summary, tree } = await maker.archive(folder.path);
    expect(summary.dataAddedBytes).toBeLessThan(30 * MIB);
    expect((await maker.content((await maker.node(tree, 'file'))!)).equals(noise(40 * MIB, 5))).toBe(true);
  });

  it('notes a file that changes while it is read', async () => {
    write('growing', noise(30 * MIB, 6));
    const workers = meddling(maker.workers, () => appendFileSync(at('growing'), 'more'));
    const { status, problems, tree } = await maker.archive(folder.path, { workers });
    expect(status).toBe('partial');
    expect(problems).toMatchObject([{ path: at('growing'), reason: 'changed_while_read' }]);
    const node = (await maker.node(tree, 'growing'))!;
    expect((await maker.content(node)).length).toBe(node.sizeBytes);
  });

  it('notes a file that vanishes while it is read', async () => {
    write('a', noise(MIB, 7));
    write('z', noise(30 * MIB, 8));
    let turns = 0;
    const elsewhere = new TemporaryFolder();
    const workers = meddling(maker.workers, () => {
      turns += 1;
      if (turns === 1) renameSync(at('a'), join(elsewhere.path, 'a'));
    });
    const { status, problems } = await maker.archive(folder.path, { workers });
    elsewhere.remove();
    expect({ status, reasons: problems.map(({ reason }) => reason) }).toEqual({
      status: 'partial',
      reasons: ['vanished'],
    });
  });
});

/** Does something after every piece of work. */
function meddling(workers: Workers, meddle: () => void): Workers {
  const wrap = (service: RemoteService): RemoteService => ({
    ...service,
    call: async (...call) => {
      const output = await service.call(...call);
      meddle();
      return output as never;
    },
  });
  return {
    ...workers,
    open: async (...open) => (await workers.open(...open)).map(wrap),
    close: async () => undefined,
  };
}
