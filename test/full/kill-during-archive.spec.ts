import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ArchiveMaker, PASSWORD, TemporaryFolder } from '../support/archive-maker.js';
import type { ArchivingMessage, ArchivingSettings } from '../support/archiving-process.js';
import { contentsOf } from '../support/described-tree.js';
import { EngineProcess } from '../support/engine-process.js';
import { localRepository, type LocalRepository } from '../support/local-repository.js';
import { restic, tryRestic } from '../support/restic.js';
import { SeededRandom } from '../support/seeded-random.js';

/* Archives are killed as by kill -9; stock restic then says what became of the repository. */

const KILLS = Number(process.env.KILLS ?? 16);
const SEED = process.env.KILL_SEED ?? '1';
/** Runs of one process before it is killed in the next. */
const MAX_RUNS_BEFORE = 3;
const LATEST_KILL_RUNS = 3;
const CHECK_EVERY = 4;
/** Runs of a process that is not killed. */
const RUNS_TO_THE_END = 2;

type Begin = Extract<ArchivingMessage, { event: 'begins' }>;
type End = Extract<ArchivingMessage, { event: 'ends' }>;

describe('an archive that is killed', () => {
  const random = new SeededRandom(`archive kills ${SEED}`);
  const folder = new TemporaryFolder();
  const workspace = join(folder.path, 'workspace');
  /** By snapshot: what it must bring back. */
  const promised = new Map<string, string>();
  /** Of runs that were killed: a snapshot that nobody was told of has one of these. */
  const underWay = new Set<string>();
  let newest: string | undefined;
  let place: LocalRepository;

  beforeAll(async () => {
    place = await localRepository();
    await ArchiveMaker.create(place.files);
    mkdirSync(workspace);
  });
  afterAll(async () => {
    folder.remove();
    await place.remove();
  });

  const start = (number: number, runs: number) => {
    const settings: ArchivingSettings = {
      repository: place.root,
      workspace,
      seed: `${SEED} ${number}`,
      runs,
    };
    const parent = newest !== undefined && random.chance(70) ? { parent: newest } : {};
    return new EngineProcess<ArchivingMessage>('archiving-process.ts', { ...settings, ...parent });
  };
  const note = ({ heard }: EngineProcess<ArchivingMessage>): void => {
    for (const { snapshot, contents } of heard.filter(isEnd)) {
      promised.set(snapshot, contents);
      newest = snapshot;
    }
    const last = heard.at(-1);
    if (last?.event === 'begins') underWay.add(last.contents);
  };
  /** Milliseconds of a run that nobody disturbs. */
  const runToTheEnd = async (number: number): Promise<number> => {
    const archiving = start(number, RUNS_TO_THE_END);
    await archiving.hear(isNth(archiving, isBegin, RUNS_TO_THE_END));
    const begin = performance.now();
    await archiving.hear(isNth(archiving, isEnd, RUNS_TO_THE_END));
    const runMs = Math.ceil(performance.now() - begin);
    await archiving.succeeds();
    note(archiving);
    return runMs;
  };
  /** Whether it was killed in the middle of a run. */
  const killAtSomeMoment = async (number: number, runMs: number): Promise<boolean> => {
    const archiving = start(number, MAX_RUNS_BEFORE + 10);
    await archiving.hear(isNth(archiving, isBegin, 1 + random.below(MAX_RUNS_BEFORE)));
    // Other work on this machine may have made runs longer since one was timed.
    await pause(random.below(LATEST_KILL_RUNS * runMs));
    await archiving.kill();
    expect(await archiving.ended).toBe('SIGKILL');
    note(archiving);
    return archiving.heard.at(-1)!.event === 'begins';
  };
  const listed = async (): Promise<string[]> =>
    (JSON.parse(await restic(place.path, PASSWORD, 'snapshots', '--json')) as { id: string }[]).map(
      ({ id }) => id,
    );
  /** What stock restic says of packs that no index lists; anything worse fails. */
  const check = async (): Promise<number> => {
    const { exitCode, stdout, stderr } = await tryRestic(place.path, PASSWORD, ['check', '--read-data']);
    expect({ exitCode, stdout, stderr }).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('no errors were found'),
    });
    return (`${stdout}${stderr}`.match(/not referenced in any index/g) ?? []).length;
  };
  const expectRestorable = async (snapshot: string): Promise<void> => {
    const target = join(folder.path, 'restored');
    await restic(place.path, PASSWORD, 'restore', snapshot, '--target', target);
    const contents = contentsOf(target);
    rmSync(target, { recursive: true });
    if (promised.has(snapshot)) expect([snapshot, contents]).toEqual([snapshot, promised.get(snapshot)]);
    else expect(underWay).toContain(contents);
  };

  it('leaves every snapshot whole and nothing worse than packs that nobody needs', async () => {
    const runMs = await runToTheEnd(0);
    const seen = { kills: 0, duringRuns: 0, unusedPacks: 0, snapshots: 0 };
    const restored = new Set<string>();
    const inspect = async (): Promise<void> => {
      seen.unusedPacks += await check();
      const snapshots = await listed();
      expect(snapshots).toEqual(expect.arrayContaining([...promised.keys()]));
      for (const snapshot of snapshots) if (!restored.has(snapshot)) await expectRestorable(snapshot);
      for (const snapshot of snapshots) restored.add(snapshot);
    };
    // A pack without an index takes a kill between two requests: it is waited for.
    while (seen.kills < KILLS || (seen.unusedPacks === 0 && seen.kills < 6 * KILLS)) {
      seen.kills += 1;
      if (await killAtSomeMoment(seen.kills, runMs)) seen.duringRuns += 1;
      if (seen.kills % CHECK_EVERY === 0) await inspect();
    }
    await runToTheEnd(seen.kills + 1);
    restored.clear();
    await inspect();
    seen.snapshots = restored.size;
    expect(contentsOf(workspace)).toBe(promised.get(newest!));
    if (process.env.KILL_TOTALS) console.log(seen);
    // What never happened was not tested.
    expect(Object.entries(seen).filter(([, count]) => count === 0)).toEqual([]);
  }, 1_500_000);
});

function isBegin(message: ArchivingMessage): message is Begin {
  return message.event === 'begins';
}

function isEnd(message: ArchivingMessage): message is End {
  return message.event === 'ends';
}

/** The message that is the process's `count`th of its kind. */
function isNth<Wanted extends ArchivingMessage>(
  { heard }: EngineProcess<ArchivingMessage>,
  isIt: (message: ArchivingMessage) => message is Wanted,
  count: number,
) {
  return (message: ArchivingMessage): message is Wanted => message === heard.filter(isIt)[count - 1];
}
