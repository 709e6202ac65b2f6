import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ArchiveMaker, TemporaryFolder } from '../../../test/support/archive-maker.js';
import { DEFAULT_POLICY } from './archive-policy.js';
import type { TakenChanges } from './change-watcher.js';
import { MAX_NAMES_PER_DIRECTORY, type EntryNames } from './changed-entries.js';
import { InotifyWatcher } from './inotify-watcher.js';
import { WorkspaceArchiver } from './workspace-archiver.js';

/** Where an operator has made the queue longer than this, the flood would take minutes. */
const MAX_QUEUED_EVENTS = 1_000_000;

describe('InotifyWatcher', () => {
  let folder: TemporaryFolder;
  let watcher: InotifyWatcher;
  let archiver: WorkspaceArchiver | undefined;

  beforeEach(() => {
    folder = new TemporaryFolder();
    watcher = new InotifyWatcher(Buffer.from(folder.path));
  });
  afterEach(async () => {
    watcher.close();
    await archiver?.close();
    archiver = undefined;
    folder.remove();
  });

  const at = (...names: string[]) => join(folder.path, ...names);

  /** More events than the kernel's queue holds; the watcher cannot empty it meanwhile, for this does not await. */
  const flood = (directory: string) => {
    const queued = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
    expect(queued).toBeLessThan(MAX_QUEUED_EVENTS);
    const files = ['even', 'odd'].map((name) => join(directory, name));
    for (const file of files) writeFileSync(file, '');
    // In turns: the kernel takes two equal events after each other for one.
    for (let event = 0; event <= queued; event += 1) utimesSync(files[event % 2]!, event, event);
  };

  it('admits that the queue of the kernel has overflown, once', () => {
    watcher.watch(Buffer.alloc(0));
    flood(folder.path);
    writeFileSync(at('lost'), 'its event found no room');
    expect(watcher.take()).toEqual({ known: false, reason: 'events_lost' });
    expect(watcher.problem).toBeUndefined();
    writeFileSync(at('told'), '');
    expect(told(watcher.take())).toEqual([['', new Set(['told'])]]);
  });

  it('tells the names of entries, and which directories may be others', () => {
    mkdirSync(at('a'));
    for (const name of ['kept', 'from', 'gone']) writeFileSync(at('a', name), '');
    for (const directory of ['', 'a']) watcher.watch(Buffer.from(directory));
    writeFileSync(at('a/kept'), 'changed');
    renameSync(at('a/from'), at('a/to'));
    rmSync(at('a/gone'));
    mkdirSync(at('a/made'));
    writeFileSync(Buffer.concat([Buffer.from(at('a/')), Buffer.of(0xff)]), '');
    const taken = watcher.take();
    expect(told(taken)).toEqual([['a', new Set(['kept', 'from', 'to', 'gone', 'made', '\xff'])]]);
    expect(taken).toMatchObject({ subtrees: new Set(['a/made']) });
    appendFileSync(at('a/to'), 'more');
    chmodSync(at('a/made'), 0o700);
    expect(told(watcher.take())).toEqual([['a', new Set(['to', 'made'])]]);
  });

  it('tells new attributes of a directory to its parent, and those of the root as a change of everything in it', () => {
    mkdirSync(at('a'));
    for (const directory of ['', 'a']) watcher.watch(Buffer.from(directory));
    chmodSync(at('a'), 0o700);
    expect(told(watcher.take())).toEqual([['', new Set(['a'])]]);
    chmodSync(folder.path, 0o711);
    expect(told(watcher.take())).toEqual([['', 'all']]);
  });

  it('tells that everything in a directory may have changed when it has too many names', () => {
    watcher.watch(Buffer.alloc(0));
    for (let i = 0; i < MAX_NAMES_PER_DIRECTORY; i += 1) writeFileSync(at(`${i}`), '');
    expect(told(watcher.take())[0]![1]).toHaveProperty('size', MAX_NAMES_PER_DIRECTORY);
    for (let i = 0; i <= MAX_NAMES_PER_DIRECTORY; i += 1) writeFileSync(at(`${i}`), 'changed');
    expect(told(watcher.take())).toEqual([['', 'all']]);
  });

  it('leads to a snapshot of everything after an overflow, between two runs and during one', async () => {
    const maker = await ArchiveMaker.create();
    const fresh = async () => (await (await ArchiveMaker.create()).archive(folder.path)).tree;
    let duringCommit = (): void => undefined;
    archiver = new WorkspaceArchiver({
      target: {
        ...maker.target,
        requests: 0,
        commit: (...call) => {
          duringCommit();
          return maker.target.commit(...call);
        },
      },
      workers: maker.workers,
      workspace: folder.path,
      layout: 'contents',
      policy: { ...DEFAULT_POLICY, defaultExcludes: false },
      origin: { hostname: 'host', username: 'user' },
      now: () => Date.now() + 60_000,
    });
    /** Everything that an event of its own would tell. */
    const changeUnnoticed = (turn: string): void => {
      flood(at('a'));
      writeFileSync(at('b/file'), turn);
      mkdirSync(at(`b/${turn}/deep`), { recursive: true });
      writeFileSync(at(`b/${turn}/deep/file`), turn);
      rmSync(at('c'), { recursive: true, force: true });
    };
    for (const name of ['a', 'b', 'c']) mkdirSync(at(name));
    await archiver.run();

    changeUnnoticed('between');
    const between = await archiver.run();
    expect(between).toMatchObject({ walk: 'full', fullWalkReason: 'events_lost', missedChanges: 0 });
    expect(between.tree).toBe(await fresh());

    // What the walk has found is watched.
    writeFileSync(at('b/between/deep/file'), 'changed');
    duringCommit = () => changeUnnoticed('during');
    expect(await archiver.run()).toMatchObject({ status: 'complete', walk: 'changes' });
    duringCommit = () => undefined;
    const after = await archiver.run();
    expect(after).toMatchObject({ walk: 'full', fullWalkReason: 'events_lost', missedChanges: 0 });
    expect(after.tree).toBe(await fresh());
    expect(await archiver.run({ full: true })).toMatchObject({ status: 'unchanged', missedChanges: 0 });
  });
});

function told(changes: TakenChanges): (readonly [directory: string, names: EntryNames])[] {
  if (!changes.known) throw new Error(`Nobody knows what changed: ${changes.reason}.`);
  return Array.from(changes.entries);
}
