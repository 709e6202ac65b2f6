import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, linkSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArchiveMaker, TemporaryFolder } from '../../../test/support/archive-maker.js';
import {
  MemoryRepositoryFiles,
  MemoryRepositoryStore,
} from '../../../test/support/memory-repository-files.js';
import { SeededRandom } from '../../../test/support/seeded-random.js';
import { DEFAULT_POLICY, MAX_IGNORE_FILE_BYTES } from './archive-policy.js';
import type { ChangeWatcher, TakenChanges } from './change-watcher.js';
import { ChangedEntries } from './changed-entries.js';
import { InotifyWatcher } from './inotify-watcher.js';
import { WorkspaceArchiver, type WorkspaceArchiverOptions } from './workspace-archiver.js';

/** Says what a test wants it to say. */
class ScriptedWatcher implements ChangeWatcher {
  readonly problem = undefined;
  readonly watched: string[] = [];
  next: TakenChanges = quiet();

  watch(directory: Buffer): void {
    this.watched.push(directory.toString());
  }

  take(): TakenChanges {
    const taken = this.next;
    this.next = quiet();
    return taken;
  }

  /** Something in these directories, nobody knows what. */
  tell(...directories: string[]): void {
    const entries = new ChangedEntries();
    for (const directory of directories) entries.addWhole(directory);
    this.next = { known: true, entries, subtrees: new Set() };
  }

  tellNames(directory: string, ...names: string[]): void {
    const entries = new ChangedEntries();
    entries.addNames(directory, names);
    this.next = { known: true, entries, subtrees: new Set() };
  }

  close(): void {}
}

function quiet(): TakenChanges {
  return { known: true, entries: new ChangedEntries(), subtrees: new Set() };
}

describe('WorkspaceArchiver', () => {
  let folder: TemporaryFolder;
  let files: MemoryRepositoryFiles;
  let maker: ArchiveMaker;
  let archiver: WorkspaceArchiver | undefined;
  /** Ahead of the file system's time stamps, so that nothing is too young to be trusted. */
  let aheadMs: number;

  beforeEach(async () => {
    folder = new TemporaryFolder();
    files = new MemoryRepositoryFiles(new MemoryRepositoryStore());
    maker = await ArchiveMaker.create(files);
    aheadMs = 60_000;
  });
  afterEach(async () => {
    await archiver?.close();
    folder.remove();
  });

  const at = (...names: string[]) => join(folder.path, ...names);
  const write = (name: string, content: string | Buffer) => {
    mkdirSync(join(at(name), '..'), { recursive: true });
    writeFileSync(at(name), content);
  };
  const start = (options: Partial<WorkspaceArchiverOptions> = {}) => {
    archiver = new WorkspaceArchiver({
      target: maker.target,
      workers: maker.workers,
      workspace: folder.path,
      layout: 'contents',
      policy: { ...DEFAULT_POLICY, defaultExcludes: false },
      origin: { hostname: 'host', username: 'user' },
      now: () => Date.now() + aheadMs,
      ...options,
    });
    return archiver;
  };
  const fresh = async () => (await (await ArchiveMaker.create()).archive(folder.path)).tree;

  it('makes one snapshot after each change and asks for nothing in between', async () => {
    write('a/one', '1');
    write('b/two', '2');
    const workspace = start();
    expect(await workspace.run()).toMatchObject({
      status: 'complete',
      walk: 'full',
      fullWalkReason: 'first',
    });
    const calls = files.calls.length;
    expect(await workspace.run()).toMatchObject({ status: 'unchanged', walk: 'changes', requests: 0 });
    expect(files.calls.length).toBe(calls);
    write('a/one', 'changed');
    const changed = await workspace.run();
    expect(changed).toMatchObject({ status: 'complete', walk: 'changes', requests: 4, missedChanges: 0 });
    expect(changed.summary).toMatchObject({ filesChanged: 1, filesUnmodified: 1, totalFilesProcessed: 2 });
    expect(changed.tree).toBe(await fresh());
  });

  it('lists only directories that changed', async () => {
    for (const name of ['a/x', 'a/deep/y', 'b/z']) write(name, name);
    const watcher = new ScriptedWatcher();
    const workspace = start({ openWatcher: () => watcher });
    await workspace.run();
    watcher.watched.length = 0;
    write('a/deep/y', 'other');
    // Untold: nobody looks.
    write('b/z', 'other');
    watcher.tell('a/deep');
    const { tree } = await workspace.run();
    expect(watcher.watched).toEqual(['a/deep']);
    expect((await maker.content((await maker.node(tree, 'b/z'))!)).toString()).toBe('b/z');
    expect((await maker.content((await maker.node(tree, 'a/deep/y'))!)).toString()).toBe('other');
  });

  it('finds in a full walk what the watcher has missed, and counts it', async () => {
    write('a/x', 'x');
    const watcher = new ScriptedWatcher();
    const workspace = start({ openWatcher: () => watcher });
    await workspace.run();
    write('a/x', 'untold');
    expect((await workspace.run()).status).toBe('unchanged');
    const result = await workspace.run({ full: true });
    expect(result).toMatchObject({ status: 'complete', fullWalkReason: 'requested', missedChanges: 1 });
    expect((await workspace.run({ full: true })).missedChanges).toBe(0);
  });

  it.each(['events_lost', 'too_many_changes', 'watch_limit'] as const)(
    'looks at everything after %s',
    async (reason) => {
      write('a/x', 'x');
      const watcher = new ScriptedWatcher();
      const workspace = start({ openWatcher: () => watcher });
      await workspace.run();
      write('a/x', 'changed');
      watcher.next = { known: false, reason };
      expect(await workspace.run()).toMatchObject({
        status: 'complete',
        fullWalkReason: reason,
        missedChanges: 0,
      });
    },
  );

  it('looks at everything when the clock was set', async () => {
    write('a/x', 'x');
    const workspace = start({ openWatcher: () => new ScriptedWatcher() });
    await workspace.run();
    aheadMs -= 3_600_000;
    expect(await workspace.run()).toMatchObject({ fullWalkReason: 'clock_step' });
  });

  it('looks at everything when that is due', async () => {
    write('a/x', 'x');
    const workspace = start({ openWatcher: () => new ScriptedWatcher(), fullWalkIntervalMs: 1 });
    await workspace.run();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await workspace.run()).toMatchObject({ fullWalkReason: 'interval', status: 'unchanged' });
  });

  it('looks again at what is too young to be trusted, even if nobody tells', async () => {
    aheadMs = 0;
    write('a/young', 'aaaa');
    write('a/old', 'aaaa');
    const watcher = new ScriptedWatcher();
    const workspace = start({ openWatcher: () => watcher });
    await workspace.run();
    watcher.watched.length = 0;
    write('a/young', 'bbbb');
    const { tree } = await workspace.run();
    expect((await maker.content((await maker.node(tree, 'a/young'))!)).toString()).toBe('bbbb');
    expect(watcher.watched).toEqual([]);
  });

  it('looks only at the entries that are told', async () => {
    for (const name of ['a/x', 'a/y', 'a/z', 'b/x']) write(name, 'old');
    const watcher = new ScriptedWatcher();
    const workspace = start({ openWatcher: () => watcher });
    await workspace.run();
    watcher.watched.length = 0;
    rmSync(at('a/x'));
    for (const name of ['a/y', 'a/z', 'a/xx']) write(name, 'new');
    watcher.tellNames('a', 'x', 'xx', 'y', 'never-there');
    const { tree, summary } = await workspace.run();
    expect(watcher.watched).toEqual([]);
    expect(await maker.paths(tree)).toEqual(['a/', 'a/xx', 'a/y', 'a/z', 'b/', 'b/x']);
    expect((await maker.content((await maker.node(tree, 'a/y'))!)).toString()).toBe('new');
    // Untold: nobody looks.
    expect((await maker.content((await maker.node(tree, 'a/z'))!)).toString()).toBe('old');
    expect(summary).toMatchObject({
      filesNew: 1,
      filesChanged: 1,
      filesUnmodified: 2,
      totalFilesProcessed: 4,
    });
  });

  it('names what it cannot read whenever something else changes in the directory', async () => {
    write('a/x', 'x');
    write('a/.stowageignore', Buffer.alloc(MAX_IGNORE_FILE_BYTES + 1, '#'));
    const workspace = start();
    expect(await workspace.run()).toMatchObject({ status: 'partial', problemCount: 1 });
    write('a/x', 'changed');
    expect(await workspace.run()).toMatchObject({ status: 'partial', problemCount: 1 });
  });

  it('lists a directory that others may read than before', async () => {
    write('a/b/x', 'x');
    write('a/c/x', 'x');
    const watcher = new ScriptedWatcher();
    const workspace = start({ openWatcher: () => watcher });
    await workspace.run();
    watcher.watched.length = 0;
    chmodSync(at('a/b'), 0o711);
    watcher.tellNames('a', 'b', 'c');
    expect((await workspace.run()).tree).toBe(await fresh());
    expect(watcher.watched).toEqual(['a/b']);
  });

  it('does in the next run what a failed one has not done', async () => {
    write('a/x', 'x');
    let broken = false;
    const target = {
      ...maker.target,
      index: maker.index,
      commit: (...call: Parameters<typeof maker.target.commit>) => {
        if (broken) throw new Error('The server is gone.');
        return maker.target.commit(...call);
      },
    };
    const workspace = start({ target });
    await workspace.run();
    write('a/x', 'changed');
    broken = true;
    await expect(workspace.run()).rejects.toThrow('The server is gone.');
    broken = false;
    const result = await workspace.run();
    expect(result).toMatchObject({ status: 'complete', walk: 'changes' });
    expect(result.tree).toBe(await fresh());
  });

  it('compares its first run with the parent snapshot', async () => {
    write('a/x', 'x');
    const first = await start().run();
    await archiver!.close();
    const again = start({ parent: await maker.snapshot(first.snapshot!) });
    expect(await again.run()).toMatchObject({ status: 'unchanged', walk: 'full', tree: first.tree });
  });

  it('stores a changed mode of the workspace itself where the tree leads to it', async () => {
    write('a/x', 'x');
    const workspace = start({ layout: 'absolute' });
    await workspace.run();
    chmodSync(folder.path, 0o711);
    const { status, tree } = await workspace.run();
    expect(status).toBe('complete');
    expect((await maker.node(tree, folder.path.slice(1)))!.mode & 0o777).toBe(0o711);
  });

  it('obeys an ignore file from when it appears', async () => {
    write('a/b/drop.log', 'x');
    write('a/keep', 'x');
    const workspace = start();
    await workspace.run();
    write('a/.stowageignore', '*.log\n');
    const { tree } = await workspace.run();
    expect(await maker.paths(tree)).toEqual(['a/', 'a/.stowageignore', 'a/b/', 'a/keep']);
  });

  it('says what is wrong when the kernel watches no further directories', async () => {
    write('a/x', 'x');
    const workspace = start({
      openWatcher: (path) => {
        const watcher = new InotifyWatcher(path);
        const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        watcher.fail(full);
        return watcher;
      },
    });
    const result = await workspace.run();
    expect(result.watcherProblem).toContain('fs.inotify.max_user_watches');
    write('a/x', 'changed');
    expect(await workspace.run()).toMatchObject({ status: 'complete', fullWalkReason: 'watch_limit' });
  });

  it.each([1, 2, 3, 4])('has after random changes the tree of a fresh walk (seed %i)', async (seed) => {
    const random = new SeededRandom(seed);
    const names = ['a', 'b', 'c', 'd'];
    const somewhere = () => Array.from({ length: 1 + random.below(3) }, () => random.pick(names)).join('/');
    const quietly = (change: () => void) => {
      try {
        change();
      } catch {
        // E.g. a directory where a file was meant to be: nothing changes.
      }
    };
    const changes: (() => void)[] = [
      () => write(`${somewhere()}/file${random.below(3)}`, `${random.below(1_000_000)}`),
      () => renameSync(at(somewhere()), at(somewhere())),
      () => rmSync(at(somewhere()), { recursive: true }),
      () => chmodSync(at(somewhere()), 0o700 + random.below(64)),
      () => utimesSync(at(somewhere()), random.below(1_000_000), random.below(1_000_000)),
      () => linkSync(at(somewhere(), 'file0'), at(somewhere(), `link${random.below(3)}`)),
      () => mkdirSync(at(somewhere()), { recursive: true }),
    ];
    for (let i = 0; i < 40; i += 1) quietly(() => random.pick(changes)());
    const workspace = start();
    await workspace.run();
    for (let round = 0; round < 12; round += 1) {
      for (let i = random.below(6); i >= 0; i -= 1) quietly(() => random.pick(changes)());
      const { fullWalkReason, tree } = await workspace.run();
      expect([undefined, 'hard_links']).toContain(fullWalkReason);
      expect({ round, tree }).toEqual({ round, tree: await fresh() });
    }
    const last = await workspace.run({ full: true });
    expect(last).toMatchObject({ status: 'unchanged', missedChanges: 0 });
  });
});
