import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeAttribute } from '../../src/snapshot-engine/filesystem/extended-attributes.js';
import { isReservedName, MARKER_NAME } from '../../src/snapshot-engine/restorer/temporary-names.js';
import type {
  RestorableSnapshot,
  RestoreResult,
} from '../../src/snapshot-engine/restorer/restore-snapshot.js';
import { ArchiveMaker, engineThreads, TemporaryFolder } from '../support/archive-maker.js';
import { EngineProcess } from '../support/engine-process.js';
import { localRepository, type LocalRepository } from '../support/local-repository.js';
import { noise } from '../support/noise.js';
import { describeTree, makeRandomTree } from '../support/random-tree.js';
import type { RestoringMessage, RestoringSettings } from '../support/restoring-process.js';
import { SeededRandom } from '../support/seeded-random.js';

/* A restore is killed as by kill -9 or the OOM killer, again and again, and each time started anew. */

const KILLS = Number(process.env.KILLS ?? 16);
const SEED = process.env.KILL_SEED ?? '1';
/** Of one restore; then it is left alone. */
const MAX_KILLS_IN_A_ROW = 4;
/** A kill that comes too late is none, and a restore that is always faster would never be killed. */
const MAX_ROUNDS = 4 * KILLS;
const MIB = 1_048_576;
const SMALL_FILES = 900;

interface Case {
  readonly snapshot: RestorableSnapshot;
  /** What of the source must come back. */
  readonly lines: readonly string[];
}

describe('a restore that is killed', () => {
  const random = new SeededRandom(`kills ${SEED}`);
  const folder = new TemporaryFolder();
  let place: LocalRepository;
  let mixed: Case;
  let large: Case;

  beforeAll(async () => {
    place = await localRepository();
    const workers = engineThreads(2);
    const maker = await ArchiveMaker.create(place.files, { workers });
    const archived = async (name: string, make: (path: string) => void): Promise<Case> => {
      const source = join(folder.path, name);
      mkdirSync(source);
      make(source);
      const { status, snapshot, tree } = await maker.archive(source);
      expect(status).toBe('complete');
      return { snapshot: { id: snapshot!, tree }, lines: describeTree(source).slice(1) };
    };
    mixed = await archived('mixed', makeMixed);
    large = await archived('large', (path) => writeFileSync(join(path, 'large'), noise(96 * MIB, 'large')));
    await workers.close();
  });
  afterAll(async () => {
    folder.remove();
    await place.remove();
  });

  const start = ({ snapshot }: Case, target: string) => {
    const options = { specialFiles: true, privileges: true } as const;
    const settings: RestoringSettings = { repository: place.root, snapshot, target, options };
    return new EngineProcess<RestoringMessage>('restoring-process.ts', settings);
  };
  const toTheEnd = async (restored: Case, target: string): Promise<RestoreResult> => {
    const restoring = start(restored, target);
    const { result } = await restoring.hear(isEnd);
    await restoring.succeeds();
    return result;
  };
  /** How long a restore writes that nobody disturbs, and what it fetches. */
  const undisturbed = async (restored: Case) => {
    const target = join(folder.path, 'undisturbed');
    const restoring = start(restored, target);
    await restoring.hear(isEvent('writes'));
    const begin = performance.now();
    const { result } = await restoring.hear(isEnd);
    const writesMs = Math.ceil(performance.now() - begin);
    expect(describeTree(target).slice(1)).toEqual(restored.lines);
    expect(result).toMatchObject({ failed: [], refused: [] });
    rmSync(target, { recursive: true });
    return { writesMs, bytesFetched: result.bytesFetched };
  };
  /** False when the restore was faster. */
  const killAtSomeMoment = async (restored: Case, target: string, writesMs: number): Promise<boolean> => {
    const restoring = start(restored, target);
    // Now and then before anything is written: while the target, the trees and what is there already are read.
    await restoring.hear(random.chance(15) ? isEvent('begins') : isEvent('writes'));
    await pause(random.below(writesMs));
    await restoring.kill();
    return (await restoring.ended) === 'SIGKILL' && !restoring.heard.some(isEnd);
  };

  it('has whole files under their names only, keeps them, and comes to the same end', async () => {
    const { writesMs, bytesFetched } = await undisturbed(mixed);
    const seen = { kills: 0, wholeFiles: 0, temporaryFiles: 0, savedBytes: 0 };
    for (let round = 0; seen.kills < KILLS; round += 1) {
      expect(round).toBeLessThan(MAX_ROUNDS);
      const target = join(folder.path, `mixed-${round}`);
      const whole = new Map<string, number>();
      for (let turn = 1 + random.below(MAX_KILLS_IN_A_ROW); turn > 0 && !isComplete(target); turn -= 1) {
        if (!(await killAtSomeMoment(mixed, target, writesMs))) break;
        seen.kills += 1;
        const left = leftBy(target, mixed);
        expect(left.others).toEqual([]);
        seen.temporaryFiles += left.temporaryFiles;
        expectKept(whole, left.whole);
        for (const [path, inode] of left.whole) whole.set(path, inode);
      }
      if (!isComplete(target)) {
        const result = await toTheEnd(mixed, target);
        expect(result).toMatchObject({ failed: [], refused: [] });
        expect(result.bytesFetched).toBeLessThanOrEqual(bytesFetched);
        seen.savedBytes += bytesFetched - result.bytesFetched;
      }
      expect(describeTree(target).slice(1)).toEqual(mixed.lines);
      expectKept(whole, leftBy(target, mixed).whole);
      expect(lstatSync(join(target, 'sparse')).blocks * 512).toBeLessThan(3 * MIB);
      seen.wholeFiles += whole.size;
      rmSync(target, { recursive: true });
    }
    expectAllSeen(seen);
  }, 900_000);

  it('goes on within a large file', async () => {
    const { writesMs, bytesFetched } = await undisturbed(large);
    const seen = { kills: 0, resumed: 0 };
    // A kill in the middle of the only file is waited for.
    for (let round = 0; seen.kills < KILLS / 4 || (seen.resumed === 0 && seen.kills < KILLS); round += 1) {
      expect(round).toBeLessThan(MAX_ROUNDS);
      const target = join(folder.path, `large-${round}`);
      if ((await killAtSomeMoment(large, target, writesMs)) && !isComplete(target)) {
        const { whole, others, temporaryFiles } = leftBy(target, large);
        expect(others).toEqual([]);
        const result = await toTheEnd(large, target);
        if (whole.size === 0 && temporaryFiles === 1 && result.bytesFetched < bytesFetched) seen.resumed += 1;
        if (whole.size === 1) expect(result.bytesFetched).toBe(0);
        seen.kills += 1;
      }
      expect(describeTree(target).slice(1)).toEqual(large.lines);
      rmSync(target, { recursive: true });
    }
    expectAllSeen(seen);
  }, 900_000);
});

interface Left {
  /** Inodes of files that are as they must be in the end, by raw path as latin1. */
  readonly whole: ReadonlyMap<string, number>;
  readonly temporaryFiles: number;
  /** What must not be: everything else but directories. */
  readonly others: readonly string[];
}

/** Looks at what a killed restore has left. The number of a file's names is right in the end only. */
function leftBy(target: string, { lines }: Case): Left {
  const expected = new Set(lines.map(withoutOtherNames));
  const whole = new Map<string, number>();
  const others: string[] = [];
  let temporaryFiles = 0;
  for (const line of existsSync(target) ? describeTree(target).slice(1) : []) {
    const [, quoted, kind] = /^("(?:[^"\\]|\\.)*") (\S+) /.exec(line)!;
    const path = JSON.parse(quoted!) as string;
    if (kind === 'dir') continue;
    if (isReservedName(path.slice(path.lastIndexOf('/') + 1))) temporaryFiles += path === MARKER_NAME ? 0 : 1;
    else if (!expected.has(withoutOtherNames(line))) others.push(line);
    else if (kind === 'file') whole.set(path, inodeOf(target, path));
  }
  return { whole, temporaryFiles, others };
}

function inodeOf(target: string, path: string): number {
  return lstatSync(Buffer.concat([Buffer.from(`${target}/`), Buffer.from(path, 'latin1')])).ino;
}

function withoutOtherNames(line: string): string {
  return line.replace(/ same-as="(?:[^"\\]|\\.)*"/, '');
}

/** A file that was there is still the same one: nobody has written it again. */
function expectKept(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): void {
  expect([...before].filter(([path, inode]) => now.get(path) !== inode)).toEqual([]);
}

/** The kill came after the end, before anybody was told of it. */
function isComplete(target: string): boolean {
  return existsSync(target) && readdirSync(target).length > 0 && !existsSync(join(target, MARKER_NAME));
}

/** What never happened was not tested. */
function expectAllSeen(seen: Readonly<Record<string, number>>): void {
  if (process.env.KILL_TOTALS) console.log(seen);
  expect(Object.entries(seen).filter(([, count]) => count === 0)).toEqual([]);
}

function isEnd(message: RestoringMessage): message is Extract<RestoringMessage, { event: 'ends' }> {
  return message.event === 'ends';
}

function isEvent(event: 'begins' | 'writes') {
  return (message: RestoringMessage): message is Extract<RestoringMessage, { event: typeof event }> =>
    message.event === event;
}

/** Small files, large ones, sparse ones, files of several names, and all that a random tree has. */
function makeMixed(path: string): void {
  for (let file = 0; file < SMALL_FILES; file += 1) {
    const directory = join(path, `small-${file % 12}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `file-${file}`), noise(500 + file * 7, `small ${file}`));
    if (file % 40 === 0) linkSync(join(directory, `file-${file}`), join(directory, `again-${file}`));
  }
  for (let file = 0; file < 5; file += 1) {
    writeFileSync(join(path, `large-${file}`), noise((4 + 2 * file) * MIB, `large ${file}`));
    writeAttribute(Buffer.from(join(path, `large-${file}`)), 'user.number', Buffer.from(String(file)));
    chmodSync(join(path, `large-${file}`), 0o640 + file);
  }
  linkSync(join(path, 'large-0'), join(path, 'small-0', 'large-again'));
  const fd = openSync(join(path, 'sparse'), 'w');
  writeSync(fd, noise(MIB, 'head'));
  writeSync(fd, noise(MIB, 'tail'), 0, MIB, 47 * MIB);
  closeSync(fd);
  makeRandomTree(join(path, 'random'), `mixed ${SEED}`, { entries: 150, maxFileBytes: MIB });
}
