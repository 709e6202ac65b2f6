import { setTimeout as wait } from 'node:timers/promises';
import { isStorageError } from '../../storage-providers/storage-errors.js';
import { RepositoryError } from '../errors/repository-error.js';
import { encodeLockFile, parseLockFile, type LockFile, type LockHolder, type LockMode } from './lock-file.js';
import type { RepositoryFileInfo, RepositoryFiles } from './repository-files.js';

/** What a lock needs of a Repository. */
export interface LockedRepository {
  readonly files: RepositoryFiles;
  saveFile(kind: 'lock', plaintext: string, options?: { signal?: AbortSignal }): Promise<string>;
  loadFile(kind: 'lock', id: string, options?: { signal?: AbortSignal }): Promise<Buffer>;
}

export interface LockTimings {
  /** Between writing a lock and looking for others again; restic waits as long. */
  readonly checkWaitMs: number;
  /** restic's rhythm. */
  readonly refreshMs: number;
  /** Until a refresh that failed is tried again. */
  readonly retryMs: number;
  /** Without a refresh for so long the work must stop: others will take the lock for stale soon. */
  readonly lostAfterMs: number;
  /** Locks that were not refreshed for so long are nobody's; restic's number. */
  readonly staleMs: number;
}

const MINUTE_MS = 60_000;

export const LOCK_TIMINGS: LockTimings = {
  checkWaitMs: 200,
  refreshMs: 5 * MINUTE_MS,
  retryMs: MINUTE_MS / 2,
  lostAfterMs: 20 * MINUTE_MS,
  staleMs: 30 * MINUTE_MS,
};

export interface LockOptions {
  readonly mode: LockMode;
  readonly holder: LockHolder;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly signal?: AbortSignal;
  readonly timings?: LockTimings;
}

/** More locks than this are not read: somebody has to look. */
const MAX_READ_LOCKS = 100;
/** As many are looked at when they are to be removed. */
const MAX_REMOVED_LOCKS = 10_000;

/**
 * Does `work` while a lock of restic's kind is held. `signal` aborts when the caller's does or when the lock could not
 * be kept. Throws `repository_locked` when another program holds a lock that excludes this one.
 */
export async function withLock<Result>(
  repository: LockedRepository,
  options: LockOptions,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const lock = await acquireLock(repository, options);
  let result: Result;
  try {
    result = await work(lock.signal);
  } catch (error) {
    // The lock becomes stale by itself; why the work failed is what matters.
    await lock.release().catch(() => undefined);
    throw error;
  }
  await lock.release();
  return result;
}

/** Looks for other locks, writes one, waits, looks again: of two that come at once both or one give way. */
export async function acquireLock(
  repository: LockedRepository,
  options: LockOptions,
): Promise<RepositoryLock> {
  const { timings = LOCK_TIMINGS, signal } = options;
  await assertUnlocked(repository, options);
  const lock = new RepositoryLock(repository, { ...options, timings });
  await lock.write();
  try {
    await wait(timings.checkWaitMs, undefined, { signal });
    await assertUnlocked(repository, options, lock.ids);
  } catch (error) {
    await lock.release().catch(() => undefined);
    throw error;
  }
  return lock;
}

/** A lock that is held and refreshed until it is released. */
export class RepositoryLock {
  /** Aborted when the lock is lost, with the reason, or when the caller's signal is. */
  readonly signal: AbortSignal;
  readonly #repository: LockedRepository;
  readonly #options: LockOptions & { readonly timings: LockTimings };
  readonly #lost = new AbortController();
  /** The newest last; older ones could not be removed yet. */
  #ids: string[] = [];
  #refreshedMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> = Promise.resolve();
  #released = false;

  constructor(repository: LockedRepository, options: LockOptions & { readonly timings: LockTimings }) {
    this.#repository = repository;
    this.#options = options;
    this.signal = AbortSignal.any([this.#lost.signal, ...(options.signal ? [options.signal] : [])]);
  }

  /** Ids of the lock files that are ours. */
  get ids(): ReadonlySet<string> {
    return new Set(this.#ids);
  }

  /**
   * Throws when the lock is lost, also when the machine has slept and no timer has noticed yet: to be asked right before
   * everything that removes.
   */
  assertHeld(): void {
    this.signal.throwIfAborted();
    const { now, timings } = this.#options;
    if (now() - this.#refreshedMs > timings.lostAfterMs) this.#lose('was not refreshed in time');
    this.signal.throwIfAborted();
  }

  /** Stores a lock file with the time of now and removes the older one. */
  async write(): Promise<void> {
    const { mode, holder, now, signal } = this.#options;
    const timeMs = now();
    const older = this.#ids;
    const id = await this.#repository.saveFile('lock', encodeLockFile({ ...holder, mode, timeMs }), {
      signal,
    });
    this.#refreshedMs = timeMs;
    this.#ids = [...older, id];
    this.#schedule(this.#options.timings.refreshMs);
    for (const each of older) await this.#remove(each).catch(() => undefined);
  }

  /** Idempotent. Rejects when the lock files could not be removed; they become stale then. */
  async release(): Promise<void> {
    this.#released = true;
    clearTimeout(this.#timer);
    await this.#refreshing;
    for (const id of this.#ids) await this.#remove(id);
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#released || this.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#refreshing = this.#refresh();
    }, delayMs);
    this.#timer.unref();
  }

  async #refresh(): Promise<void> {
    const { now, timings } = this.#options;
    // After a sleep of the machine others may have worked in the belief that we are gone.
    if (now() - this.#refreshedMs > timings.lostAfterMs) return this.#lose('was not refreshed in time');
    try {
      if (!(await this.#isStillThere())) return this.#lose('was removed by somebody');
      await this.write();
    } catch {
      this.#schedule(Math.min(timings.retryMs, timings.refreshMs));
    }
  }

  async #isStillThere(): Promise<boolean> {
    for await (const { id } of this.#repository.files.list('lock', { signal: this.signal })) {
      if (id === this.#ids.at(-1)) return true;
    }
    return false;
  }

  async #remove(id: string): Promise<void> {
    await this.#repository.files.remove('lock', id);
    this.#ids = this.#ids.filter((each) => each !== id);
  }

  #lose(what: string): void {
    this.#lost.abort(
      new RepositoryError(
        'repository_locked',
        `The lock on the repository ${what}; the work was stopped, start it again.`,
      ),
    );
  }
}

/**
 * Removes locks that nobody has refreshed for `staleMs`, as `restic unlock` does; answers how many. Both the holder's
 * clock and the storage's must say so.
 */
export async function removeStaleLocks(
  repository: LockedRepository,
  { now, signal, timings = LOCK_TIMINGS }: Pick<LockOptions, 'now' | 'signal' | 'timings'>,
): Promise<number> {
  const stale: string[] = [];
  for await (const { info, lock } of readLocks(repository, signal, new Set(), MAX_REMOVED_LOCKS)) {
    if (isStale(info, lock, now() - timings.staleMs)) stale.push(info.id);
  }
  for (const id of stale) await repository.files.remove('lock', id, { signal });
  return stale.length;
}

async function assertUnlocked(
  repository: LockedRepository,
  { mode, now, signal, timings = LOCK_TIMINGS }: LockOptions,
  own: ReadonlySet<string> = new Set(),
): Promise<void> {
  const staleBeforeMs = now() - timings.staleMs;
  for await (const { info, lock } of readLocks(repository, signal, own)) {
    if (isStale(info, lock, staleBeforeMs)) continue;
    if (mode === 'exclusive' || lock === undefined || lock.mode === 'exclusive') throw lockedBy(lock);
  }
}

interface FoundLock {
  readonly info: RepositoryFileInfo;
  /** Undefined when it cannot be read: then it may be anything. */
  readonly lock: LockFile | undefined;
}

async function* readLocks(
  repository: LockedRepository,
  signal: AbortSignal | undefined,
  own: ReadonlySet<string>,
  limit = MAX_READ_LOCKS,
): AsyncGenerator<FoundLock, void, void> {
  let read = 0;
  for await (const info of repository.files.list('lock', { signal })) {
    if (own.has(info.id)) continue;
    if ((read += 1) > limit) throw tooManyLocks(limit);
    try {
      const json = await repository.loadFile('lock', info.id, { signal });
      yield { info, lock: parseLockFile(json, `lock ${info.id}`) };
    } catch (error) {
      // Released since it was listed.
      if (isStorageError(error, 'object_not_found')) continue;
      if (!(error instanceof RepositoryError)) throw error;
      yield { info, lock: undefined };
    }
  }
}

function isStale(
  { lastModified }: RepositoryFileInfo,
  lock: LockFile | undefined,
  beforeMs: number,
): boolean {
  const oldByHolder = lock === undefined || Number.isNaN(lock.timeMs) || lock.timeMs < beforeMs;
  return oldByHolder && lastModified.getTime() < beforeMs;
}

function lockedBy(lock: LockFile | undefined): RepositoryError {
  if (lock === undefined) {
    return new RepositoryError(
      'repository_locked',
      'The repository has a lock that cannot be read; it counts until it is half an hour old.',
    );
  }
  const who = `${lock.username || 'somebody'} on ${lock.hostname || 'an unknown host'} (process ${lock.pid})`;
  const since = Number.isNaN(lock.timeMs) ? '' : ` since ${new Date(lock.timeMs).toISOString()}`;
  const kind = lock.mode === 'exclusive' ? 'exclusively ' : '';
  return new RepositoryError(
    'repository_locked',
    `The repository is locked ${kind}by ${who}${since}; wait until that ends, or run \`restic unlock\` if it has crashed.`,
  );
}

function tooManyLocks(limit: number): RepositoryError {
  return new RepositoryError(
    'repository_locked',
    `The repository has more than ${limit} locks; run \`restic unlock\` to remove those that are stale.`,
  );
}
