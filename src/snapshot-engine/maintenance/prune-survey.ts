import type { RepositoryFileInfo } from '../repository/repository-files.js';
import { isStorageError } from '../../storage-providers/storage-errors.js';
import { MAX_CLOCK_SKEW_MS, type DoomedPack, type SlowestWriter } from './deletion-plan.js';
import type { DoomedPacks } from './doomed-packs.js';
import { inParallel } from '../repository/in-parallel.js';
import type { ExclusiveLock, MaintainedRepository } from './maintained-repository.js';
import { loadPackHeader } from './pack-headers.js';
import { assertPacksComplete, packUses } from './pack-usage.js';
import { proveCopies } from './prove-copies.js';
import { planPrune, PRUNE_LIMITS, type PruneLimits, type PrunePlan } from './prune-plan.js';
import { refused } from './prune-refusal.js';
import { Reachability, type MissingBlob } from './reachability.js';
import { loadIndexes, loadSnapshots, readState, type RepositoryState } from './repository-state.js';

/** Headers that are read at the same time. */
const HEADERS_AT_ONCE = 16;

export interface SurveyOptions {
  readonly lock: ExclusiveLock;
  readonly doomed: DoomedPacks;
  readonly now: () => number;
  readonly limits?: PruneLimits;
  readonly slowestWriter: SlowestWriter;
  readonly signal?: AbortSignal;
}

/** What a prune found, and what it will do. */
export interface Survey extends RepositoryState {
  readonly reachable: Reachability;
  readonly plan: PrunePlan;
  /** As listed; some may be deleted already. */
  readonly doomed: readonly DoomedPack[];
  /** Doomed packs that hold the only copy of a blob that a snapshot needs. */
  readonly rescued: readonly string[];
  /**
   * Packs, other than those that stay, that alone hold what a snapshot needs which has appeared since. Throws
   * `prune_refused` if such a snapshot cannot be read as a whole.
   */
  lateNeeds(stays: (packId: string) => boolean): Promise<Set<string>>;
}

/** Reads everything but file contents. Throws `prune_refused` or `damaged_repository` on any doubt. */
export async function surveyRepository(
  repository: MaintainedRepository,
  options: SurveyOptions,
): Promise<Survey> {
  const { signal } = options;
  const providerNowMs = await assertClocksAgree(repository, options);
  const doomed = await options.doomed.list(signal);
  assertNotFromTheFuture(doomed, options.now());
  const state = await readState(repository, signal);
  assertPacksComplete(state.index, state.packs);
  const reachable = new Reachability({ ...repository, index: state.index, signal });
  const reach = new SnapshotReach(repository, state, doomed, reachable, signal);
  await reach.add(state.snapshots);

  const doomedIds = new Set(doomed.map(({ id }) => id));
  const youngMs = options.slowestWriter.maxSessionMs;
  const uses = packUses({
    ...state,
    reachable,
    isDoomed: (id) => doomedIds.has(id),
    isYoung: ({ lastModified }) => providerNowMs - lastModified.getTime() < youngMs,
  });
  const rescued = uses.filter(({ id, usedBytes }) => doomedIds.has(id) && usedBytes > 0).map(({ id }) => id);
  const isRescued = new Set(rescued);
  // A pack may be doomed because it does not hold what its header says; it is not brought back for that.
  await proveCopies(repository, {
    index: state.index,
    leaving: rescued,
    isUsed: (type, id) => reachable.isUsed(type, id),
    stays: (packId) => !doomedIds.has(packId) || isRescued.has(packId),
    written: [],
    signal,
  });
  return {
    ...state,
    reachable,
    doomed,
    plan: planPrune(
      uses.filter(({ id }) => !doomedIds.has(id)),
      options.limits ?? PRUNE_LIMITS,
    ),
    rescued: rescued.sort(),
    lateNeeds: (stays) => reach.lateNeeds(stays),
  };
}

/** What snapshots reach, also through packs that have been doomed and that no index names any more. */
class SnapshotReach {
  readonly #repository: MaintainedRepository;
  readonly #state: RepositoryState;
  readonly #doomed: readonly DoomedPack[];
  readonly #reachable: Reachability;
  readonly #signal: AbortSignal | undefined;
  #knowsDoomed = false;

  constructor(
    repository: MaintainedRepository,
    state: RepositoryState,
    doomed: readonly DoomedPack[],
    reachable: Reachability,
    signal: AbortSignal | undefined,
  ) {
    this.#repository = repository;
    this.#state = state;
    this.#doomed = doomed;
    this.#reachable = reachable;
    this.#signal = signal;
  }

  async add(snapshots: RepositoryState['snapshots']): Promise<void> {
    for (const { tree } of snapshots.values()) this.#reachable.meet('tree', tree);
    await this.#reachable.walk();
    let missing = this.#reachable.takeMissing();
    if (missing.length > 0 && !this.#knowsDoomed) {
      await this.#learnDoomed();
      for (const { type, id, neededBy } of missing) this.#reachable.meet(type, id, neededBy);
      await this.#reachable.walk();
      missing = this.#reachable.takeMissing();
    }
    if (missing.length > 0) throw refused(absenceOf(missing), missing[0]!.id);
  }

  async lateNeeds(stays: (packId: string) => boolean): Promise<Set<string>> {
    const { snapshots, index, indexes } = this.#state;
    const late = await loadSnapshots(this.#repository, new Set(snapshots.keys()), this.#signal);
    const needed = new Set<string>();
    if (late.size === 0) return needed;
    await loadIndexes(this.#repository, index, new Set(indexes.map(({ id }) => id)), this.#signal);
    await this.add(late);
    for (const pack of index.packs()) {
      if (stays(pack.id)) continue;
      const alone = pack
        .blobs()
        .some(
          ({ type, id }) =>
            this.#reachable.isUsed(type, id) &&
            !index.findAll(type, id).some(({ packId }) => stays(packId) || needed.has(packId)),
        );
      if (alone) needed.add(pack.id);
    }
    return needed;
  }

  /** Learns from their headers what the doomed packs hold that no index names. */
  async #learnDoomed(): Promise<void> {
    this.#knowsDoomed = true;
    const { index, packs } = this.#state;
    const unnamed = this.#doomed
      .map(({ id }) => packs.get(id))
      .filter((info): info is RepositoryFileInfo => info !== undefined && !index.hasPack(info.id));
    await inParallel(unnamed, HEADERS_AT_ONCE, async ({ id, sizeBytes }) => {
      try {
        const { blobs } = await loadPackHeader(this.#repository, id, sizeBytes, this.#signal);
        index.add(id, blobs, { saved: true });
      } catch (error) {
        if (!isStorageError(error, 'object_not_found')) throw error;
      }
    });
  }
}

function absenceOf(missing: readonly MissingBlob[]): string {
  const { type, id, neededBy } = missing[0]!;
  const more = missing.length > 1 ? `, and ${missing.length - 1} more are absent` : '';
  return `${type} blob ${id} is needed by ${neededBy ?? 'a snapshot'} and is in no pack${more}`;
}

/**
 * The provider's time: when our own lock arrived there. A clock that is far off makes packs old before their time.
 * Throws `prune_refused` when the two differ by more than MAX_CLOCK_SKEW_MS.
 */
async function assertClocksAgree(
  { files }: MaintainedRepository,
  { lock, now, signal }: SurveyOptions,
): Promise<number> {
  let providerMs = -Infinity;
  for await (const { id, lastModified } of files.list('lock', { signal })) {
    if (lock.ids.has(id)) providerMs = Math.max(providerMs, lastModified.getTime());
  }
  if (providerMs === -Infinity) throw refused('the lock of this run is not to be found');
  // The lock may have been written a refresh ago.
  if (Math.abs(now() - providerMs) > MAX_CLOCK_SKEW_MS + LOCK_AGE_MS) {
    throw refused('the clock of this machine and that of the provider differ by more than five minutes');
  }
  return Math.min(providerMs, now());
}

/** restic refreshes a lock this often. */
const LOCK_AGE_MS = 300_000;

function assertNotFromTheFuture(doomed: readonly DoomedPack[], nowMs: number): void {
  const latestMs = doomed.reduce((latest, { sinceMs }) => Math.max(latest, sinceMs), -Infinity);
  if (latestMs > nowMs + MAX_CLOCK_SKEW_MS) {
    throw refused('a pack was doomed later than the clock of this machine says it is');
  }
}
