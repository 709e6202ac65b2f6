import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HOSTILE_SNAPSHOTS, type HostileSnapshot } from '../support/hostile-snapshots.js';
import { describeTree } from '../support/random-tree.js';
import { SnapshotMaker } from '../support/snapshot-maker.js';
import { listAttributes, writeAttribute } from '../../src/snapshot-engine/filesystem/extended-attributes.js';
import { createSpecialFile } from '../../src/snapshot-engine/filesystem/special-files.js';
import { InlineWorkers } from '../../src/snapshot-engine/workers/inline-workers.js';
import { restoreSnapshot, type RestoreResult } from '../../src/snapshot-engine/restorer/restore-snapshot.js';
import { createRestoreService } from '../../src/snapshot-engine/restorer/restore-worker.js';

setFlagsFromString('--expose-gc');
/** Buffers of earlier cases, and of the making of this one, are not what its restore takes. */
const collectGarbage = runInNewContext('gc') as () => void;

const workers = new InlineWorkers({ restore: createRestoreService });
/** Of one case: a bomb would take far more of either. The largest honest length, 200 MB, is held three times at its peak. */
const MAX_CPU_SECONDS = 20;
const MAX_GROWTH_BYTES = 800 * 1_024 * 1_024;

describe('a hostile snapshot', () => {
  let folder: string;
  let target: string;
  let outside: string[];
  let before: NodeJS.CpuUsage;
  let memory: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hostile-'));
    target = join(folder, 'target');
    mkdirSync(join(folder, 'canary', 'dir'), { recursive: true });
    for (const path of ['file', 'dir/file', 'hard-linked']) {
      writeFileSync(join(folder, 'canary', path), 'the canary sings');
      writeAttribute(Buffer.from(join(folder, 'canary', path)), 'user.canary', Buffer.from('alive'));
    }
    mkdirSync(target);
    mkdirSync(`${target}2`);
    writeFileSync(`${target}2/file`, 'a neighbour whose name begins alike');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Everything around the target: what is in it is the restore's business. */
  const surroundings = (): string[] => [
    ...readdirSync(folder).sort(),
    // Whether a name of the canary in the target still leads to it is the target's business, too.
    ...describeTree(join(folder, 'canary')).map((line) => line.replace(/ same-as="[^"]*"/, '')),
    ...describeTree(`${target}2`),
  ];

  /** Under every name that snapshots use there is already a way out. */
  const layTraps = (): void => {
    const names = [
      'link',
      'x',
      'file',
      'honest',
      'd',
      'a',
      'b',
      'c',
      'special',
      'program',
      'huge',
      'bomb',
      'odd',
      'good',
    ];
    for (const [index, name] of names.entries()) {
      const path = join(target, name);
      if (index % 4 === 0) symlinkSync('../canary', path);
      else if (index % 4 === 1) symlinkSync(join(folder, 'canary', 'file'), path);
      else if (index % 4 === 2) linkSync(join(folder, 'canary', 'hard-linked'), path);
      else createSpecialFile(Buffer.from(path), { kind: 'fifo', permissions: 0o666 });
    }
  };

  const attempt = async (
    { make, options }: HostileSnapshot,
    inPlace: boolean,
  ): Promise<RestoreResult | Error> => {
    const maker = new SnapshotMaker();
    const made = make(maker);
    const snapshot = 'tree' in made ? made : maker.snapshot(made);
    if (inPlace) layTraps();
    outside = surroundings();
    const run = { ...options, workers, ...(inPlace && { into: 'in-place' as const, mirror: true }) };
    collectGarbage();
    [before, memory] = [process.cpuUsage(), process.memoryUsage.rss()];
    return restoreSnapshot(maker, maker.index, snapshot, target, run).catch((error: Error) => error);
  };

  const expectUnharmed = (): void => {
    expect(surroundings()).toEqual(outside);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000_000).toBeLessThan(MAX_CPU_SECONDS);
    expect(process.memoryUsage.rss() - memory).toBeLessThan(MAX_GROWTH_BYTES);
    for (const entry of readdirSync(target, { encoding: 'buffer' })) {
      const status = lstatSync(Buffer.concat([Buffer.from(`${target}/`), entry]));
      expect(status.mode & 0o6000).toBe(0);
    }
  };

  it('has many forms', () => expect(HOSTILE_SNAPSHOTS.length).toBeGreaterThan(150));

  it.each(HOSTILE_SNAPSHOTS)('with $what stays in a new directory', async (hostile) => {
    const result = await attempt(hostile, false);
    expectUnharmed();
    if (hostile.code !== undefined) return expect(result).toMatchObject({ code: hostile.code });
    if (result instanceof Error) throw result;
    expect(result.refused.map(({ reason }) => reason).sort()).toEqual([...(hostile.refused ?? [])].sort());
    expect(result.failed.map(({ path }) => path).sort()).toEqual([...(hostile.failed ?? [])].sort());
    if (hostile.left !== undefined) expect(readdirSync(target).sort()).toEqual([...hostile.left].sort());
    for (const name of readdirSync(target, { encoding: 'buffer' })) {
      const path = Buffer.concat([Buffer.from(`${target}/`), name]);
      expect(listAttributes(path).filter((attribute) => !attribute.startsWith('user.'))).toEqual([]);
    }
  });

  it.each(HOSTILE_SNAPSHOTS)('with $what stays inside when links lead out of the target', async (hostile) => {
    const result = await attempt(hostile, true);
    expectUnharmed();
    if (hostile.code !== undefined) return expect(result).toMatchObject({ code: hostile.code });
    if (result instanceof Error) throw result;
    expect(result.failed.map(({ path }) => path).sort()).toEqual([...(hostile.failed ?? [])].sort());
  });
});
