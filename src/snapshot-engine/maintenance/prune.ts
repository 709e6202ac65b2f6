import type { BlobIndex } from '../blob-index/blob-index.js';
import { cancellable } from '../errors/cancellation.js';
import { MAX_INDEX_FILE_BLOBS } from '../blob-index/index-file.js';
import {
  gracePeriodMs,
  MAX_DELETED_SHARE,
  planDeletions,
  type DoomedPack,
  type SlowestWriter,
} from './deletion-plan.js';
import type { DoomedPacks } from './doomed-packs.js';
import { planIndexes } from './index-plan.js';
import type { ExclusiveLock, MaintainedRepository } from './maintained-repository.js';
import { PRUNE_LIMITS, type PruneLimits, type PrunePlan } from './prune-plan.js';
import { proveCopies } from './prove-copies.js';
import { refused, refusing } from './prune-refusal.js';
import { surveyRepository, type Survey } from './prune-survey.js';
import { repack } from './repack.js';
import { verifyAfterPrune } from './verify-prune.js';
import { writeIndexes } from './write-indexes.js';

export interface PruneOptions {
  readonly lock: ExclusiveLock;
  readonly doomed: DoomedPacks;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly limits?: PruneLimits;
  readonly slowestWriter?: SlowestWriter;
  /** Of all packs, at most this part is deleted in one run. */
  readonly maxDeletedShare?: number;
  readonly signal?: AbortSignal;
}

const HOUR_MS = 3_600_000;

/** What a writer is allowed by default: the server and the archiver end longer sessions. */
export const SLOWEST_WRITER: SlowestWriter = { maxSessionMs: 12 * HOUR_MS, maxRequestMs: HOUR_MS };

export interface PruneResult {
  readonly plan: PrunePlan;
  readonly newPacks: readonly string[];
  /** Doomed now; deleted after the grace period unless they are rescued. */
  readonly doomed: readonly string[];
  /** Doomed before, needed again. */
  readonly rescued: readonly string[];
  /** Packs that snapshots needed which were committed while this run was under way. */
  readonly rescuedLate: readonly string[];
  readonly deleted: readonly string[];
  /** Doomed packs that have not been deleted yet. */
  readonly waiting: number;
  readonly newIndexes: readonly string[];
  readonly removedIndexes: readonly string[];
}

/**
 * Frees what no snapshot needs, in two phases. This run repacks, writes new index files, dooms the packs that are left
 * over, and removes old index files; later runs delete packs that have been doomed for the grace period and are still
 * unreachable, a few at a time. Everything new is durable before anything old goes, and a run that ends anywhere is
 * completed by the next. Writers need no lock against it: they ask `CommitCheck` before and after they write a
 * snapshot, and this run looks for new snapshots once its doom is public, so one of both always sees the other.
 *
 * Rejects with `prune_refused` when anything is not as it must be (a pack, snapshot or tree that is absent or cannot be
 * read, a wrong size, a clock that is off): nothing has been removed then, though new packs may lie unused. Rejects with
 * `repository_locked` when the lock is lost on the way, with `cancelled` after an abort (the next run goes on where this
 * one has ended), and with StorageErrors.
 */
export function prune(repository: MaintainedRepository, options: PruneOptions): Promise<PruneResult> {
  return cancellable('prune', options.signal, () => pruneInPhases(repository, options));
}

async function pruneInPhases(repository: MaintainedRepository, options: PruneOptions): Promise<PruneResult> {
  const survey = await refusing(() =>
    surveyRepository(repository, { slowestWriter: SLOWEST_WRITER, ...options }),
  );
  const run = new PruneRun(repository, options, survey);
  await refusing(() => run.writeAnew());
  await refusing(() => run.proveCopies());
  await run.doom();
  await refusing(() => run.rescueForLateSnapshots());
  await refusing(() => run.proveCopies());
  await run.removeOldIndexes();
  await run.deletePacks();
  await verifyAfterPrune(repository, survey, options.signal);
  return run.result();
}

class PruneRun {
  readonly #repository: MaintainedRepository;
  readonly #options: PruneOptions;
  readonly #survey: Survey;
  /** Packs that no index shall name when this run is done. */
  readonly #leaving: Set<string>;
  readonly #rescued: Set<string>;
  #newPacks: readonly string[] = [];
  #newIndexes: string[] = [];
  #oldIndexes: readonly string[] = [];
  #doomedNow: readonly DoomedPack[] = [];
  #deleted: readonly string[] = [];
  #rescuedLate: readonly string[] = [];

  constructor(repository: MaintainedRepository, options: PruneOptions, survey: Survey) {
    this.#repository = repository;
    this.#options = options;
    this.#survey = survey;
    this.#rescued = new Set(survey.rescued);
    const doomedBefore = survey.doomed.map(({ id }) => id).filter((id) => !this.#rescued.has(id));
    this.#leaving = new Set([...survey.plan.unused, ...survey.plan.repack, ...doomedBefore]);
  }

  /** New packs, then new index files. Old ones are still there: readers of both find everything twice. */
  async writeAnew(): Promise<void> {
    const { index, indexes, plan, reachable } = this.#survey;
    const { targetPackBytes } = this.#options.limits ?? PRUNE_LIMITS;
    this.#newPacks = await repack(this.#repository, {
      index,
      packIds: plan.repack,
      isUsed: (type, id) => reachable.isUsed(type, id),
      stays: (packId) => !this.#leaving.has(packId),
      targetPackBytes,
      signal: this.#options.signal,
    });
    const { replace, packs } = planIndexes(indexes, {
      without: this.#leaving,
      anew: new Set([...this.#newPacks, ...this.#rescued]),
      fullBlobCount: MAX_INDEX_FILE_BLOBS,
    });
    this.#oldIndexes = replace;
    // Whoever has the lock now may delete what this run believes to be there.
    this.#options.lock.assertHeld();
    await this.#writeIndexes(packs);
    if (this.#rescued.size > 0) await this.#options.doomed.rescue(this.#rescued, this.#options.signal);
  }

  /** What leaves because it lies elsewhere, too, must be readable there; asked again when late snapshots are known. */
  async proveCopies(): Promise<void> {
    await this.#prove(this.#leaving, (packId) => !this.#leaving.has(packId));
  }

  /** From here on nobody commits a snapshot that relies on what leaves. */
  async doom(): Promise<void> {
    const { plan, doomed } = this.#survey;
    const sinceMs = this.#options.now();
    const generation = doomed.reduce((latest, pack) => Math.max(latest, pack.generation), 0) + 1;
    this.#doomedNow = [...plan.unused, ...plan.repack].sort().map((id) => ({ id, sinceMs, generation }));
    this.#options.lock.assertHeld();
    await this.#options.doomed.doom(this.#doomedNow, this.#options.signal);
  }

  /** Snapshots that were committed before the doom was public, and after they were listed. */
  async rescueForLateSnapshots(): Promise<void> {
    const needed = await this.#survey.lateNeeds((packId) => !this.#leaving.has(packId));
    if (needed.size === 0) return;
    await this.#prove(needed, (packId) => !this.#leaving.has(packId) || needed.has(packId));
    for (const id of needed) {
      this.#leaving.delete(id);
      this.#rescued.add(id);
    }
    this.#rescuedLate = [...needed].sort();
    await this.#writeIndexes(this.#rescuedLate);
    await this.#options.doomed.rescue(needed, this.#options.signal);
  }

  async removeOldIndexes(): Promise<void> {
    for (const id of this.#oldIndexes) {
      this.#options.lock.assertHeld();
      await this.#repository.files.remove('index', id, { signal: this.#options.signal });
    }
  }

  /** Those that were doomed long ago. What an index named at the start has to wait for a run that finds it named by none. */
  async deletePacks(): Promise<void> {
    const { doomed, packs, indexes } = this.#survey;
    const {
      lock,
      signal,
      now,
      slowestWriter = SLOWEST_WRITER,
      maxDeletedShare = MAX_DELETED_SHARE,
    } = this.#options;
    const named = new Set(indexes.flatMap((index) => index.packs));
    const present = doomed.filter(({ id }) => packs.has(id));
    const due = planDeletions(
      present,
      {
        nowMs: now(),
        packCount: packs.size,
        spared: (id) => named.has(id) || this.#rescued.has(id) || !this.#leaving.has(id),
      },
      { graceMs: gracePeriodMs(slowestWriter), maxDeletedShare },
    );
    for (const id of due) {
      lock.assertHeld();
      await this.#repository.files.remove('pack', id, { signal });
    }
    this.#deleted = due;
    const absent = new Set([...doomed.map(({ id }) => id).filter((id) => !packs.has(id)), ...due]);
    if (absent.size > 0) await this.#options.doomed.forget(absent, signal);
  }

  result(): PruneResult {
    const { plan, doomed, packs } = this.#survey;
    const before = doomed.filter(({ id }) => packs.has(id) && !this.#rescued.has(id)).length;
    const now = this.#doomedNow.map(({ id }) => id).filter((id) => !this.#rescued.has(id));
    return {
      plan,
      newPacks: this.#newPacks,
      doomed: now,
      rescued: [...this.#rescued].sort(),
      rescuedLate: this.#rescuedLate,
      deleted: this.#deleted,
      waiting: before + now.length - this.#deleted.length,
      newIndexes: this.#newIndexes,
      removedIndexes: this.#oldIndexes,
    };
  }

  async #prove(packIds: ReadonlySet<string>, stays: (packId: string) => boolean): Promise<void> {
    const { index, reachable } = this.#survey;
    await proveCopies(this.#repository, {
      index,
      leaving: packIds,
      isUsed: (type, id) => reachable.isUsed(type, id),
      stays,
      written: this.#newPacks,
      signal: this.#options.signal,
    });
  }

  async #writeIndexes(packIds: readonly string[]): Promise<void> {
    const { index } = this.#survey;
    assertKnown(index, packIds);
    this.#newIndexes.push(...(await writeIndexes(this.#repository, index, packIds, this.#options.signal)));
  }
}

function assertKnown(index: BlobIndex, packIds: readonly string[]): void {
  for (const id of packIds) if (!index.hasPack(id)) throw refused(`what pack ${id} holds is not known`, id);
}
