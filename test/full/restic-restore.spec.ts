import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Repository } from '../../src/snapshot-engine/repository/repository.js';
import { planRestore, restoreSnapshot } from '../../src/snapshot-engine/restorer/restore-snapshot.js';
import { decodeSnapshot } from '../../src/snapshot-engine/snapshot/snapshot.js';
import { WorkerPool } from '../../src/snapshot-engine/workers/worker-pool.js';
import { localRepository, type LocalRepository } from '../support/local-repository.js';
import { describeTree, makeRandomTree } from '../support/random-tree.js';
import { restic, tryRestic } from '../support/restic.js';

const PASSWORD = 'witness';
const TREES = 3;
const ENTRIES = 60;

let place: LocalRepository;
let workers: WorkerPool;
let folder: string;

beforeAll(async () => {
  place = await localRepository();
  await restic(place.path, PASSWORD, 'init');
  workers = new WorkerPool({
    threads: 2,
    entry: pathToFileURL('src/snapshot-engine/engine-worker.ts'),
    execArgv: ['--import', './test/support/typescript-hooks.mjs'],
  });
});
afterAll(async () => {
  await workers.close();
  await place.remove();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'restic-restore-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** All that the snapshot has, as root would want it back. */
const EVERYTHING = { specialFiles: true, privileges: true } as const;

async function newestSnapshot() {
  const repository = await Repository.open(place.files, { password: PASSWORD, now: Date.now });
  const snapshots: { id: string; time: string }[] = JSON.parse(
    await restic(place.path, PASSWORD, 'snapshots', '--json'),
  );
  const { id } = snapshots.reduce((a, b) => (Date.parse(b.time) >= Date.parse(a.time) ? b : a));
  const { tree } = decodeSnapshot(await repository.loadFile('snapshot', id), id);
  return { repository, index: await repository.loadIndex(), snapshot: { id, tree } };
}

async function backUp(source: string): Promise<void> {
  const { exitCode, stderr } = await tryRestic(place.path, PASSWORD, ['backup', '--force', '.'], {
    cwd: source,
  });
  if (exitCode !== 0) throw new Error(stderr);
}

/** The target's own line is not the snapshot's business: it holds what lies in the directory. */
function contentsOf(tree: string): string[] {
  return describeTree(tree).slice(1);
}

/** Only what differs: whole trees would hide it. */
function expectSameTree(actual: string, expected: string): void {
  const [ours, theirs] = [new Set(contentsOf(actual)), new Set(contentsOf(expected))];
  expect({
    added: [...ours].filter((line) => !theirs.has(line)),
    missing: [...theirs].filter((line) => !ours.has(line)),
  }).toEqual({ added: [], missing: [] });
}

describe('what stock restic has backed up', () => {
  it.each(Array.from({ length: TREES }, (_, seed) => seed))('comes back the same, tree %i', async (seed) => {
    const source = join(folder, 'source');
    makeRandomTree(source, seed, { entries: ENTRIES });
    await backUp(source);
    const { repository, index, snapshot } = await newestSnapshot();
    const target = join(folder, 'target');
    const run = { ...EVERYTHING, workers };

    const result = await restoreSnapshot(repository, index, snapshot, target, run);

    expect(result).toMatchObject({ failed: [], refused: [] });
    expectSameTree(target, source);
    // Once more in place: nothing is left to do.
    const again = await planRestore(repository, index, snapshot, target, {
      ...run,
      into: 'in-place',
      mirror: true,
    });
    expect(again.summary).toMatchObject({
      create: 0,
      overwrite: 0,
      delete: 0,
      bytesToFetch: 0,
      bytesToWrite: 0,
    });
  });

  it('comes back as restic itself brings it back', async () => {
    const source = join(folder, 'source');
    makeRandomTree(source, 'both', { entries: 200 });
    await backUp(source);
    const { repository, index, snapshot } = await newestSnapshot();
    await restoreSnapshot(repository, index, snapshot, join(folder, 'ours'), { ...EVERYTHING, workers });
    await restic(place.path, PASSWORD, 'restore', 'latest', '--target', join(folder, 'theirs'));
    expectSameTree(join(folder, 'ours'), join(folder, 'theirs'));
  });

  it('replaces another tree in place', async () => {
    const [source, target] = [join(folder, 'source'), join(folder, 'target')];
    makeRandomTree(source, 'new', { entries: 150 });
    makeRandomTree(target, 'old', { entries: 150 });
    await backUp(source);
    const { repository, index, snapshot } = await newestSnapshot();
    for (const verify of ['status', 'content'] as const) {
      const run = { ...EVERYTHING, workers, verify, into: 'in-place', mirror: true } as const;
      const result = await restoreSnapshot(repository, index, snapshot, target, run);
      expect(result).toMatchObject({ failed: [], refused: [] });
      expectSameTree(target, source);
    }
  });
});
