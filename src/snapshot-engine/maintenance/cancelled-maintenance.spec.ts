import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ArchiveMaker, PASSWORD, TemporaryFolder } from '../../../test/support/archive-maker.js';
import {
  MemoryRepositoryFiles,
  MemoryRepositoryStore,
} from '../../../test/support/memory-repository-files.js';
import { noise } from '../../../test/support/noise.js';
import type { RepositoryFiles } from '../repository/repository-files.js';
import { acquireLock, LOCK_TIMINGS } from '../repository/locks.js';
import { Repository } from '../repository/repository.js';
import type { CheckProblem } from './check-problem.js';
import { checkRepository, type CheckedRepository } from './check.js';
import { DoomedPacksInBucket } from './doomed-packs.js';
import { forgetSnapshots } from './forget.js';
import type { ExclusiveLock } from './maintained-repository.js';
import { prune } from './prune.js';
import { repairIndex } from './repair-index.js';

const now = () => Date.parse('2026-11-22T10:00:00Z');

interface Held {
  readonly lock: ExclusiveLock;
  readonly signal?: AbortSignal;
}
type Work = (repository: CheckedRepository, held: Held) => Promise<unknown>;

describe('maintenance that is cancelled', () => {
  const folder = new TemporaryFolder();
  const sound = new MemoryRepositoryStore();
  let maker: ArchiveMaker;
  let snapshots: string[];

  beforeAll(async () => {
    maker = await ArchiveMaker.create(new MemoryRepositoryFiles(sound, { now }), { now });
    snapshots = [];
    for (const turn of [1, 2, 3]) {
      writeFileSync(join(folder.path, 'noise'), noise(400_000, turn));
      writeFileSync(join(folder.path, `file-${turn}`), `turn ${turn}`);
      snapshots.push((await maker.archive(folder.path)).snapshot!);
    }
    // For the prune.
    await new MemoryRepositoryFiles(sound, { now }).remove('snapshot', snapshots.shift()!);
  });
  afterAll(() => folder.remove());

  const workers = () => maker.workers;
  /** After an abort a problem would be a lie: nothing is wrong. */
  const problems: CheckProblem[] = [];
  const check = (repository: CheckedRepository, signal?: AbortSignal) =>
    checkRepository(repository, {
      workers: workers(),
      readData: 'all',
      doomed: new DoomedPacksInBucket(repository.files, repository.cipher),
      expectedSnapshots: snapshots.slice(1),
      onProblem: (problem) => problems.push(problem),
      signal,
    });
  const works: Record<string, Work> = {
    check: (repository, { signal }) => check(repository, signal),
    forget: (repository, held) => forgetSnapshots(repository, snapshots.slice(0, 1), held),
    prune: (repository, held) => {
      const doomed = new DoomedPacksInBucket(repository.files, repository.cipher);
      return prune(repository, { ...held, doomed, now });
    },
    'repair of the index': (repository, held) => repairIndex(repository, held),
  };

  /** Calls `before` ahead of each call to the storage. */
  const open = (store: MemoryRepositoryStore, before: () => void = () => undefined): CheckedRepository => {
    const memory = new MemoryRepositoryFiles(store, { now });
    const files: RepositoryFiles = new Proxy<RepositoryFiles>(memory, {
      get: (_target, name) => {
        const value: unknown = Reflect.get(memory, name, memory);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          before();
          return Reflect.apply(value, memory, args);
        };
      },
    });
    const { cipher, masterKey } = maker.repository;
    return { files, cipher, masterKey };
  };

  const withHeldLock = async <T>(store: MemoryRepositoryStore, use: (lock: ExclusiveLock) => Promise<T>) => {
    const repository = await Repository.open(new MemoryRepositoryFiles(store, { now }), {
      password: PASSWORD,
      now,
    });
    const holder = { hostname: 'server', username: 'stowage', pid: 1 };
    const timings = { ...LOCK_TIMINGS, checkWaitMs: 1 };
    const lock = await acquireLock(repository, { mode: 'exclusive', holder, now, timings });
    try {
      return await use(lock);
    } finally {
      await lock.release();
    }
  };

  it.each(Object.entries(works))(
    'says so at every call, and is done when begun again: %s',
    async (_, work) => {
      let calls = 0;
      const counted = sound.clone();
      await withHeldLock(counted, (lock) =>
        work(
          open(counted, () => (calls += 1)),
          { lock },
        ),
      );
      expect(calls).toBeGreaterThan(1);
      for (let stopAt = 1; stopAt <= calls; stopAt += 1) {
        const store = sound.clone();
        const abort = new AbortController();
        let call = 0;
        const stopped = open(store, () => {
          call += 1;
          if (call === stopAt) abort.abort();
        });
        await withHeldLock(store, async (lock) => {
          const cancelled = work(stopped, { lock, signal: abort.signal });
          await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
          await work(open(store), { lock });
        });
        await check(open(store));
        expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
      }
    },
  );
});
