import { DoomedPacksInBucket } from '../../../src/snapshot-engine/maintenance/doomed-packs.js';
import type { SlowestWriter } from '../../../src/snapshot-engine/maintenance/deletion-plan.js';
import { MemoryRepositoryFiles, type CallFate, type MemoryCall } from '../memory-repository-files.js';
import { Chance } from './chance.js';
import { PlainCipher } from './plain-cipher.js';
import { VirtualTime } from './virtual-time.js';
import { WatchedStore } from './watched-store.js';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;

/** What writers and requests of the simulation are held to; the grace period is a day. */
export const SLOWEST: SlowestWriter = { maxSessionMs: 2 * HOUR_MS, maxRequestMs: 30 * MINUTE_MS };

export const EVENTS = [
  'commits',
  'refusals before the snapshot',
  'refusals after the snapshot',
  'crashes',
  'lost calls',
  'late requests',
  'repeated requests',
  'overslept sessions',
  'prunes',
  'prunes refused for clocks',
  'lost locks',
  'rescues',
  'late snapshots rescued',
  'repacks',
  'index files replaced',
  'packs doomed',
  'packs deleted',
  'snapshots forgotten',
] as const;

export type EventCounts = Record<(typeof EVENTS)[number], number>;

/** One process's means: a view of the bucket that is slow, loses calls and may die. */
export interface Process {
  readonly files: MemoryRepositoryFiles;
  readonly repository: { readonly files: MemoryRepositoryFiles; readonly cipher: PlainCipher };
  readonly doomed: DoomedPacksInBucket;
}

/** The bucket, the time and the luck of one simulation. */
export class World {
  readonly time = new VirtualTime(Date.UTC(2026, 0, 1));
  readonly cipher = new PlainCipher();
  readonly store = new WatchedStore(this.cipher);
  readonly counts = Object.fromEntries(EVENTS.map((event) => [event, 0])) as EventCounts;
  readonly chance: Chance;
  /** Without it nothing fails any more. */
  trouble = true;
  /** Writers and maintainers end when it is past. */
  endMs = this.time.nowMs;
  /** From when on the lock is free again. */
  lockFreeMs = -Infinity;

  constructor(seed: number) {
    this.chance = new Chance(seed);
  }

  get isOver(): boolean {
    return this.time.nowMs >= this.endMs;
  }

  /** `lastCall`: it does not live to make more calls, if it is one of those that die. */
  process(lastCall: number, { sluggish = false } = {}): Process {
    const dies = this.trouble && this.chance.happens(0.3);
    const files = new MemoryRepositoryFiles(this.store, {
      now: () => this.time.nowMs,
      stopAt: dies
        ? {
            call: 1 + this.chance.below(lastCall),
            mode: this.chance.pick(['before', 'after-without-answer', 'torn']),
            seed: this.chance.below(1_000),
          }
        : undefined,
      pace: (point) => this.#pace(point, sluggish),
      fate: (call) => this.#fate(call),
      later: (act) => this.time.at(this.time.nowMs + this.chance.between(1, SLOWEST.maxRequestMs), act),
    });
    const repository = { files, cipher: this.cipher };
    return { files, repository, doomed: new DoomedPacksInBucket(files, this.cipher) };
  }

  async #pace(point: 'arrive' | 'answer', sluggish: boolean): Promise<void> {
    if (point === 'answer') return;
    const slow = this.trouble && this.chance.happens(0.01);
    const usualMs = sluggish ? 1.5 * MINUTE_MS : 2_000;
    await this.time.sleep(this.chance.between(1, slow ? 10 * MINUTE_MS : usualMs));
  }

  #fate(call: MemoryCall): CallFate {
    if (!this.trouble || this.chance.happens(0.99)) return 'done';
    const changes = call.method === 'save' || call.method === 'remove';
    if (!changes && this.chance.happens(0.8)) return 'done';
    const fate = changes
      ? this.chance.pick(['unanswered', 'late', 'late', 'duplicated', 'duplicated', 'refused'] as const)
      : 'refused';
    if (fate === 'late') this.counts['late requests'] += 1;
    else if (fate === 'duplicated') this.counts['repeated requests'] += 1;
    else this.counts['lost calls'] += 1;
    return fate;
  }
}
