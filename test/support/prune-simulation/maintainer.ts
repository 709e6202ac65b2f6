import { hash } from 'node:crypto';
import { isRepositoryError, RepositoryError } from '../../../src/snapshot-engine/errors/repository-error.js';
import { forgetSnapshots } from '../../../src/snapshot-engine/maintenance/forget.js';
import { planForget } from '../../../src/snapshot-engine/maintenance/forget-plan.js';
import type { ExclusiveLock } from '../../../src/snapshot-engine/maintenance/maintained-repository.js';
import { prune } from '../../../src/snapshot-engine/maintenance/prune.js';
import { loadSnapshots } from '../../../src/snapshot-engine/maintenance/repository-state.js';
import { isStorageError } from '../../../src/storage-providers/storage-errors.js';
import { HOUR_MS, MINUTE_MS, SLOWEST, type Process, type World } from './world.js';

/** A lock that nobody refreshes is taken over after so long. */
const LOCK_STALE_MS = 30 * MINUTE_MS;

/** Forgets and prunes, with the engine's own code, in a life of crashes, lost locks and wrong clocks. */
export class Maintainer {
  readonly #world: World;
  #locks = 0;

  constructor(world: World) {
    this.#world = world;
  }

  async live(): Promise<void> {
    const { time, chance, counts } = this.#world;
    while (!this.#world.isOver) {
      await time.sleep(chance.between(HOUR_MS, 9 * HOUR_MS));
      // Some take hours, in which writers go on.
      const process = this.#world.process(150, { sluggish: chance.happens(0.5) });
      try {
        await this.runOnce(process);
      } catch (error) {
        if (!isStorageError(error) && !isRepositoryError(error, 'repository_locked')) throw error;
        if (process.files.stopped) counts.crashes += 1;
      }
    }
  }

  async runOnce(process: Process): Promise<void> {
    const { chance, trouble, counts, time } = this.#world;
    const lock = await this.#lock(process);
    if (!trouble || chance.happens(0.6)) await this.#forget(process, lock);
    const skewMs = trouble ? chance.between(-1, 1) * (chance.happens(0.05) ? 40 : 4) * MINUTE_MS : 0;
    try {
      await this.#prune(process, lock, () => time.nowMs + skewMs);
    } catch (error) {
      if (!isRepositoryError(error, 'prune_refused')) throw error;
      // A clock that is off, or a request that took minutes, is the only thing that may ever be wrong here.
      if (!error.message.includes('clock')) throw error;
      counts['prunes refused for clocks'] += 1;
    }
    await process.files.remove('lock', [...lock.ids][0]!);
    this.#world.lockFreeMs = time.nowMs;
  }

  async #lock({ files, repository }: Process): Promise<ExclusiveLock> {
    const { time, chance, trouble, counts, cipher } = this.#world;
    if (time.nowMs < this.#world.lockFreeMs) {
      throw new RepositoryError('repository_locked', 'Another maintainer is at work.');
    }
    const lostMs = trouble && chance.happens(0.1) ? time.nowMs + chance.between(0, 3 * MINUTE_MS) : Infinity;
    // If this process dies or sleeps, the others wait until the lock is stale.
    this.#world.lockFreeMs = (lostMs === Infinity ? time.nowMs + 6 * HOUR_MS : lostMs) + LOCK_STALE_MS;
    this.#locks += 1;
    const sealed = cipher.seal(Buffer.from(`lock ${this.#locks}`));
    const id = hash('sha256', sealed, 'hex');
    await files.save('lock', id, sealed);
    for await (const { id: other } of repository.files.list('lock'))
      if (other !== id) await files.remove('lock', other);
    return {
      ids: new Set([id]),
      assertHeld: () => {
        if (time.nowMs < lostMs) return;
        counts['lost locks'] += 1;
        throw new RepositoryError('repository_locked', 'The lock has been lost.');
      },
    };
  }

  async #forget({ repository }: Process, lock: ExclusiveLock): Promise<void> {
    const { time, store, counts } = this.#world;
    const snapshots = [...(await loadSnapshots(repository, new Set()))].map(([id, { timeNs }]) => ({
      id,
      receivedAtMs: Number(timeNs / 1_000_000n),
    }));
    const policy = { counts: { last: 3, daily: 2 }, newest: 2 };
    const { forget } = planForget(snapshots, policy, { nowMs: time.nowMs });
    for (const id of forget) store.forget(id);
    counts['snapshots forgotten'] += forget.length;
    await forgetSnapshots(repository, forget, { lock });
  }

  async #prune({ repository, doomed }: Process, lock: ExclusiveLock, now: () => number): Promise<void> {
    const { counts } = this.#world;
    const result = await prune(repository, {
      lock,
      doomed,
      now,
      slowestWriter: SLOWEST,
      maxDeletedShare: this.#world.trouble ? 0.2 : 1,
    });
    counts.prunes += 1;
    counts.rescues += result.rescued.length;
    counts.repacks += result.plan.repack.length;
    counts['late snapshots rescued'] += result.rescuedLate.length;
    counts['index files replaced'] += result.removedIndexes.length;
    counts['packs doomed'] += result.doomed.length;
    counts['packs deleted'] += result.deleted.length;
  }
}
