import { BlobIndex } from '../blob-index/blob-index.js';
import { MAX_INDEX_FILE_BLOBS } from '../blob-index/index-file.js';
import { cancellable } from '../errors/cancellation.js';
import type { PackedBlob } from '../pack/packed-blob.js';
import type { RepositoryFileInfo } from '../repository/repository-files.js';
import type { Workers } from '../workers/worker-service.js';
import { affectedPaths, type AffectedPath } from './affected-paths.js';
import { checkData } from './check-data.js';
import type { CheckedRepository } from './check.js';
import type { SufferingBlob } from './check-problem.js';
import type { DoomedPacks } from './doomed-packs.js';
import { FalsePacks } from './false-packs.js';
import { planIndexes, type IndexUse } from './index-plan.js';
import type { ExclusiveLock } from './maintained-repository.js';
import { blobsIn, SoundBlobRescue } from './sound-blobs.js';
import { listPacks, loadIndexes, loadSnapshots } from './repository-state.js';
import { writeIndexes } from './write-indexes.js';

export interface StrikeOptions {
  readonly lock: ExclusiveLock;
  readonly doomed: DoomedPacks;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** With the service `check`; see check-worker.ts. */
  readonly workers: Workers;
  /** Packs that nobody has read as a whole since an index named them; no other pack is ever struck. */
  readonly unproven: ReadonlySet<string>;
  /** Those of them that are read as a whole, in this order. */
  readonly suspects: readonly string[];
  /** Those of them whose blobs are read that lie in other packs, too. */
  readonly fresh: readonly string[];
  /** Of packs, in one run; what is begun is ended. */
  readonly maxBytes?: number;
  /** Awaited before anything is changed: a run that ends on the way left packs of these in the index. */
  readonly onFound?: (packIds: readonly string[]) => Promise<void>;
  readonly signal?: AbortSignal;
}

const MAX_STRIKE_BYTES = 2 * 1_024 ** 3;

export interface StruckPack {
  readonly id: string;
  /** A sentence about what was found first. */
  readonly message: string;
}

export interface StrikeResult {
  /** Read as a whole, and what the index says. */
  readonly proven: readonly string[];
  /** Of `fresh`: what lies in other packs, too, is what the index says. */
  readonly copiesProven: readonly string[];
  /** Suspects that no index names. */
  readonly unnamed: readonly string[];
  /** Suspects that are left for the next run. */
  readonly unread: number;
  readonly struck: readonly StruckPack[];
  /** Blobs that struck packs alone were said to hold, and did not. */
  readonly lostBlobs: number;
  /** Paths that cannot be restored for want of these; at most MAX_AFFECTED_PATHS. */
  readonly affected: readonly AffectedPath[];
  /** What struck packs did hold, copied. */
  readonly newPacks: readonly string[];
  readonly removedIndexes: readonly string[];
  readonly bytesRead: number;
}

/**
 * Finds packs that do not hold what an index says, and takes them off it: whoever archives would rely on them, and
 * whoever reads would look there first. What they do hold is copied to new packs before. Everything new is durable
 * before anything old goes; the packs themselves are doomed like any other, so that no snapshot can be committed with an
 * index of before, and deleted by a prune. What a struck pack alone was said to hold is in no index then, and is stored
 * anew by whoever has it. A run that ends anywhere is repeated.
 *
 * Rejects with `damaged_repository` when an index file cannot be read, `repository_locked` when the lock is lost,
 * `cancelled` after an abort, and StorageErrors.
 */
export function strikeFalsePacks(
  repository: CheckedRepository,
  options: StrikeOptions,
): Promise<StrikeResult> {
  return cancellable('search for false packs', options.signal, async () => {
    const index = new BlobIndex();
    const indexes = await loadIndexes(repository, index, new Set(), options.signal);
    // Listed afterwards: a pack is there before an index names it.
    const packs = await listPacks(repository, options.signal);
    return new StrikeRun(repository, options, { index, indexes, packs }).run();
  });
}

interface StrikeState {
  readonly index: BlobIndex;
  readonly indexes: readonly IndexUse[];
  readonly packs: ReadonlyMap<string, RepositoryFileInfo>;
}

class StrikeRun {
  readonly #repository: CheckedRepository;
  readonly #options: StrikeOptions;
  readonly #state: StrikeState;
  readonly #false: FalsePacks;
  readonly #named: ReadonlySet<string>;
  readonly #proven = new Set<string>();
  #bytesRead = 0;

  constructor(repository: CheckedRepository, options: StrikeOptions, state: StrikeState) {
    this.#repository = repository;
    this.#options = options;
    this.#state = state;
    this.#named = new Set(options.suspects.filter((id) => state.index.hasPack(id)));
    const isUnproven = (packId: string): boolean => options.unproven.has(packId);
    const { signal } = options;
    this.#false = new FalsePacks({ ...repository, ...state, isUnproven, signal });
  }

  async run(): Promise<StrikeResult> {
    const { unproven, fresh, suspects, maxBytes = MAX_STRIKE_BYTES } = this.#options;
    await this.#false.compareSizes(unproven);
    const copiesRead = new Set(await this.#false.readCopies(fresh, maxBytes));
    const unread = await this.#readSuspects(maxBytes - this.#false.bytesRead);
    // What else is said to hold the blobs of those that were found false by now.
    await this.#false.readCopies([], maxBytes);
    const { found } = this.#false;
    const isTrue = (id: string): boolean => !found.has(id);
    const struck = found.size === 0 ? NOTHING_STRUCK : await this.#strike(new Set(found.keys()));
    return {
      proven: [...this.#proven].filter(isTrue),
      copiesProven: fresh.filter((id) => copiesRead.has(id) && isTrue(id)),
      unnamed: suspects.filter((id) => !this.#named.has(id)),
      unread,
      struck: Array.from(found, ([id, message]) => ({ id, message })),
      ...struck,
      bytesRead: this.#bytesRead + this.#false.bytesRead,
    };
  }

  /** Answers how many are left. */
  async #readSuspects(maxBytes: number): Promise<number> {
    const { index, packs } = this.#state;
    const { suspects, workers, signal } = this.#options;
    const there = suspects.filter((id) => index.hasPack(id) && packs.has(id) && !this.#false.found.has(id));
    const ids = new Set(firstOf(there, packs, maxBytes));
    const messages = new Map<string, string>();
    const { bytes } = await checkData({
      ...this.#repository,
      index,
      packs,
      workers,
      readData: { ids },
      onProblem: ({ severity, subject, message }) => {
        if (severity === 'error' && !messages.has(subject)) messages.set(subject, message);
      },
      onPackRead: (id, isSound) => {
        if (isSound) this.#proven.add(id);
        else this.#false.add(id, messages.get(`pack ${id}`)!);
      },
      signal,
    });
    this.#bytesRead += bytes;
    return there.length - ids.size;
  }

  async #strike(packIds: ReadonlySet<string>): Promise<Struck> {
    const { index, indexes } = this.#state;
    const { lock, doomed, now, onFound, signal } = this.#options;
    await onFound?.([...packIds]);
    const rescue = new SoundBlobRescue({ ...this.#repository, ...this.#state, signal });
    for (const id of packIds) await rescue.copyFrom(id, (blob) => this.#isSafe(blob, packIds));
    const newPacks = await rescue.finish();
    const { replace, packs } = planIndexes(indexes, {
      without: packIds,
      anew: new Set(newPacks),
      fullBlobCount: MAX_INDEX_FILE_BLOBS,
    });
    lock.assertHeld();
    await writeIndexes(this.#repository, index, packs, signal);
    const generation =
      (await doomed.list(signal)).reduce((top, pack) => Math.max(top, pack.generation), 0) + 1;
    await doomed.doom(
      Array.from(packIds, (id) => ({ id, sinceMs: now(), generation })),
      signal,
    );
    for (const id of replace) {
      lock.assertHeld();
      await this.#repository.files.remove('index', id, { signal });
    }
    const claimed = blobsIn(index, packIds);
    for (const id of packIds) index.removePack(id);
    const lost = claimed.filter(({ type, id }) => !index.has(type, id));
    const affected = lost.length === 0 ? [] : await this.#affected(lost);
    return { newPacks, removedIndexes: replace, lostBlobs: lost.length, affected };
  }

  /** Whether it lies in a pack that was read, or written by somebody who had read what is in it. */
  #isSafe({ type, id }: PackedBlob, packIds: ReadonlySet<string>): boolean {
    const isRead = (packId: string): boolean =>
      !this.#options.unproven.has(packId) || this.#proven.has(packId);
    return this.#state.index.findAll(type, id).some(({ packId }) => !packIds.has(packId) && isRead(packId));
  }

  async #affected(lost: readonly SufferingBlob[]): Promise<AffectedPath[]> {
    const { signal } = this.#options;
    const snapshots = await loadSnapshots(this.#repository, new Set(), signal);
    return affectedPaths(this.#repository, this.#state.index, snapshots, lost, signal);
  }
}

type Struck = Pick<StrikeResult, 'newPacks' | 'removedIndexes' | 'lostBlobs' | 'affected'>;

const NOTHING_STRUCK: Struck = { newPacks: [], removedIndexes: [], lostBlobs: 0, affected: [] };

/** As many as the bytes allow, in their order; the first always, unless there is nothing left to spend. */
function firstOf(
  packIds: readonly string[],
  packs: ReadonlyMap<string, RepositoryFileInfo>,
  maxBytes: number,
): string[] {
  let leftBytes = maxBytes;
  const chosen: string[] = [];
  for (const id of packIds) {
    if (leftBytes <= 0) break;
    leftBytes -= packs.get(id)!.sizeBytes;
    chosen.push(id);
  }
  return chosen;
}
