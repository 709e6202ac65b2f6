import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { archive } from '../../src/snapshot-engine/archiver/archive.js';
import { DEFAULT_POLICY } from '../../src/snapshot-engine/archiver/archive-policy.js';
import { archiveTarget } from '../../src/snapshot-engine/archiver/repository-target.js';
import { ENGINE_SERVICES } from '../../src/snapshot-engine/engine-worker.js';
import { checkRepository, type CheckResult } from '../../src/snapshot-engine/maintenance/check.js';
import { DoomedPacksInBucket } from '../../src/snapshot-engine/maintenance/doomed-packs.js';
import { forgetSnapshots } from '../../src/snapshot-engine/maintenance/forget.js';
import { prune, type PruneResult } from '../../src/snapshot-engine/maintenance/prune.js';
import {
  acquireLock,
  LOCK_TIMINGS,
  removeStaleLocks,
  type RepositoryLock,
} from '../../src/snapshot-engine/repository/locks.js';
import { Repository } from '../../src/snapshot-engine/repository/repository.js';
import { InlineWorkers } from '../../src/snapshot-engine/workers/inline-workers.js';
import { MemoryRepositoryFiles, type MemoryFilesOptions } from './memory-repository-files.js';
import type { MemoryRepositoryStore } from './memory-repository-store.js';
import { noise } from './noise.js';

export const STORY_PASSWORD = 'the password of a story';
const SCRYPT_COST = { n: 2, r: 1, p: 1 };
const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 1);

/** What happens to a repository in its life, each step by a process of its own. */
export const STEPS = [
  'create',
  'archive 1',
  'archive 2',
  'archive 3',
  'forget',
  'prune: repack and doom',
  'prune: delete',
  'add a key',
] as const;
export type Step = (typeof STEPS)[number];

/** Hours after the beginning. Locks that a crash has left are stale an hour later. */
const HOURS: Readonly<Record<Step, number>> = {
  create: 0,
  'archive 1': 1,
  'archive 2': 2,
  'archive 3': 3,
  forget: 20,
  'prune: repack and doom': 22,
  'prune: delete': 48,
  'add a key': 50,
};

/** Runs steps with the engine's own code, and remembers which snapshots were promised and not given up. */
export class MaintenanceStory {
  readonly promised: Set<string>;
  readonly prunes: PruneResult[] = [];
  readonly #store: MemoryRepositoryStore;
  readonly #folder: string;

  constructor(store: MemoryRepositoryStore, folder: string, promised: Iterable<string> = []) {
    this.#store = store;
    this.#folder = folder;
    this.promised = new Set(promised);
  }

  /** `retry`: the step is repeated after a crash, an hour later. */
  async run(
    step: Step,
    options: MemoryFilesOptions = {},
    { retry = false }: { retry?: boolean } = {},
  ): Promise<MemoryRepositoryFiles> {
    const now = () => START_MS + (HOURS[step] + Number(retry)) * HOUR_MS;
    const files = new MemoryRepositoryFiles(this.#store, { now, ...options });
    const access = { password: STORY_PASSWORD, now };
    if (step === 'create') {
      await Repository.create(files, { ...access, scryptCost: SCRYPT_COST });
      return files;
    }
    const repository = await Repository.open(files, access);
    if (step === 'add a key') await repository.addKey('another', { scryptCost: SCRYPT_COST });
    else if (step.startsWith('archive')) await this.#archive(repository, step);
    else await this.#maintain(repository, step, now);
    return files;
  }

  async check(): Promise<CheckResult> {
    const files = new MemoryRepositoryFiles(this.#store);
    return this.checkOpened(await Repository.open(files, { password: STORY_PASSWORD, now: () => START_MS }));
  }

  /** Checks this store with the keys of a repository that was opened before, with every byte of data. */
  checkOpened({ cipher, masterKey }: Repository): Promise<CheckResult> {
    const files = new MemoryRepositoryFiles(this.#store);
    return checkRepository(
      { files, cipher, masterKey },
      {
        workers: new InlineWorkers(ENGINE_SERVICES),
        readData: 'all',
        doomed: new DoomedPacksInBucket(files, cipher),
        expectedSnapshots: [...this.promised],
      },
    );
  }

  async #archive(repository: Repository, step: Step): Promise<void> {
    const { snapshot } = await archive({
      target: archiveTarget(repository, await repository.loadIndex()),
      workers: new InlineWorkers(ENGINE_SERVICES),
      workspace: this.workspace(step),
      layout: 'contents',
      policy: { ...DEFAULT_POLICY, defaultExcludes: false },
      origin: { hostname: 'host', username: 'user' },
      now: () => START_MS,
    });
    if (snapshot !== undefined) this.promised.add(snapshot);
  }

  async #maintain(repository: Repository, step: Step, now: () => number): Promise<void> {
    await removeStaleLocks(repository, { now });
    const lock = await acquireLock(repository, {
      mode: 'exclusive',
      holder: { hostname: 'server', username: 'stowage', pid: 1 },
      now,
      timings: { ...LOCK_TIMINGS, checkWaitMs: 1 },
    });
    try {
      if (step === 'forget') await this.#forget(repository, lock);
      else await this.#prune(repository, lock, now);
    } finally {
      await lock.release();
    }
  }

  async #forget(repository: Repository, lock: RepositoryLock): Promise<void> {
    const ids: string[] = [];
    for await (const { id } of repository.files.list('snapshot')) ids.push(id);
    const [newest] = [...this.promised].slice(-1);
    const goes = ids.filter((id) => id !== newest);
    for (const id of goes) this.promised.delete(id);
    await forgetSnapshots(repository, goes, { lock });
  }

  async #prune(repository: Repository, lock: RepositoryLock, now: () => number): Promise<void> {
    const doomed = new DoomedPacksInBucket(repository.files, repository.cipher);
    this.prunes.push(await prune(repository, { lock, doomed, now, maxDeletedShare: 1 }));
  }

  /** The folder as it is in one step; made when it is first asked for. */
  workspace(step: Step): string {
    const path = join(this.#folder, step);
    const version = Number(step.slice(-1));
    rmSync(path, { recursive: true, force: true });
    mkdirSync(join(path, 'deep/er'), { recursive: true });
    writeFileSync(join(path, 'constant.bin'), noise(20_000, 'constant'));
    writeFileSync(join(path, 'changing.txt'), `version ${version}`);
    writeFileSync(join(path, `deep/only-${version}.bin`), noise(30_000, version));
    writeFileSync(join(path, 'deep/er/nested.txt'), 'nested');
    if (version > 1) cpSync(join(path, 'deep'), join(path, 'copy'), { recursive: true });
    return path;
  }
}
