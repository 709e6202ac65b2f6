import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TemporaryFolder } from '../support/archive-maker.js';
import { requireProgram } from '../support/bound-process.js';
import { EngineProcess, type EngineProcessOptions } from '../support/engine-process.js';
import type { WatchingAnswer, WatchingQuestion, WatchingSettings } from '../support/watching-process.js';

/* The kernel itself refuses: in a user namespace the limits of inotify are the test's own. */

const NOBODY = 65_534;
const INTERVAL_MS = 300;

describe('a workspace that the kernel does not watch as a whole', () => {
  let folder: TemporaryFolder;
  let watching: EngineProcess<WatchingAnswer> | undefined;

  beforeEach(() => {
    folder = new TemporaryFolder();
  });
  afterEach(async () => {
    await watching?.kill();
    watching = undefined;
    folder.remove();
  });

  const write = (path: string, content: string) => {
    mkdirSync(join(folder.path, path, '..'), { recursive: true });
    writeFileSync(join(folder.path, path), content);
  };
  const start = (settings: Omit<WatchingSettings, 'workspace'>, options: EngineProcessOptions) => {
    const all: WatchingSettings = { workspace: folder.path, ...settings };
    watching = new EngineProcess('watching-process.ts', all, options);
  };
  const startLimited = (settings: Omit<WatchingSettings, 'workspace'>) =>
    start(settings, { within: [requireProgram('unshare', 'util-linux'), '--user', '--map-root-user'] });
  /** One run, which must have the tree of a walk that starts from nothing. */
  const run = async (question: WatchingQuestion = {}): Promise<WatchingAnswer> => {
    const answer = await watching!.ask(question);
    expect(answer.tree).toBe(answer.freshTree);
    expect(answer.missedChanges).toBe(0);
    return answer;
  };
  const makeDirectories = (count: number, content: string) => {
    for (let number = 0; number < count; number += 1) write(`${number % 3}/${number}/file`, content);
  };

  it('is walked as a whole, and says why', async () => {
    makeDirectories(20, 'first');
    startLimited({ limits: { max_inotify_watches: 8 } });
    const first = await run();
    expect(first).toMatchObject({ status: 'complete', fullWalkReason: 'first' });
    expect(first.watcherProblem).toContain('raise fs.inotify.max_user_watches');
    for (const content of ['second', 'third']) {
      makeDirectories(20, content);
      expect(await run()).toMatchObject({ status: 'complete', walk: 'full', fullWalkReason: 'watch_limit' });
    }
    expect(await run()).toMatchObject({ status: 'unchanged', walk: 'full', fullWalkReason: 'watch_limit' });
  });

  it('is watched until it grows too large, and loses nothing from then on', async () => {
    makeDirectories(3, 'first');
    startLimited({ limits: { max_inotify_watches: 10 } });
    expect(await run()).toMatchObject({ fullWalkReason: 'first' });
    write('1/1/file', 'told');
    const told = await run();
    expect(told).toMatchObject({ status: 'complete', walk: 'changes' });
    expect(told.watcherProblem).toBeUndefined();
    makeDirectories(20, 'more');
    renameSync(join(folder.path, '0'), join(folder.path, 'renamed'));
    expect((await run()).watcherProblem).toContain('raise fs.inotify.max_user_watches');
    write('renamed/18/file', 'not watched');
    write('1/1/file', 'no longer watched');
    expect(await run()).toMatchObject({ status: 'complete', fullWalkReason: 'watch_limit' });
  });

  it('is watched again when the limit was raised, from the next full walk on', async () => {
    makeDirectories(20, 'first');
    startLimited({ limits: { max_inotify_watches: 8 }, fullWalkIntervalMs: INTERVAL_MS });
    await run();
    await pause(2 * INTERVAL_MS);
    write('2/2/file', 'changed while nobody watched');
    const raised = await run({ limits: { max_inotify_watches: 1_000 } });
    expect(raised).toMatchObject({ status: 'complete', walk: 'full' });
    expect(raised.watcherProblem).toBeUndefined();
    write('2/5/file', 'watched');
    expect(await run()).toMatchObject({ status: 'complete', walk: 'changes' });
    rmSync(join(folder.path, '1'), { recursive: true });
    await pause(2 * INTERVAL_MS);
    expect(await run()).toMatchObject({ status: 'complete', walk: 'full', fullWalkReason: 'interval' });
  });

  it('is walked as a whole where no queue can be had', async () => {
    makeDirectories(3, 'first');
    startLimited({ limits: { max_inotify_instances: 0 } });
    expect((await run()).watcherProblem).toContain('raise fs.inotify.max_user_instances');
    makeDirectories(3, 'second');
    expect(await run()).toMatchObject({ status: 'complete', fullWalkReason: 'watch_limit' });
  });

  it('has in its next snapshot what was closed to the reader and has been opened', async () => {
    makeDirectories(3, 'first');
    const asNobody = process.getuid?.() === 0;
    if (asNobody)
      for (const path of ['', '0', '1', '2', '1/1']) chownSync(join(folder.path, path), NOBODY, NOBODY);
    chmodSync(join(folder.path, '1/1'), 0o000);
    start({}, asNobody ? { uid: NOBODY, gid: NOBODY } : {});
    expect(await run()).toMatchObject({ status: 'partial', problemCount: 1 });
    chmodSync(join(folder.path, '1/1'), 0o755);
    expect(await run()).toMatchObject({ status: 'complete', walk: 'changes', problemCount: 0 });
    write('1/1/file', 'watched from now on');
    expect(await run()).toMatchObject({ status: 'complete', walk: 'changes', problemCount: 0 });
  });
});
