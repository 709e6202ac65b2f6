import { LRUCache } from 'lru-cache';
import type { BlobIndex, Repository } from '../../snapshot-engine/index.js';

/** Of a repository when its index was loaded, by the database. */
export interface RepositoryState {
  readonly generation: number;
  readonly nowMs: number;
}

export interface LoadedIndexesOptions {
  readonly stateOf: (repositoryId: string) => Promise<RepositoryState>;
  readonly open: (repositoryId: string) => Promise<Pick<Repository, 'loadIndex' | 'refreshIndex'>>;
  /** Milliseconds of a clock that never stands still. */
  readonly now: () => number;
  readonly maxBytes?: number;
}

interface LoadedIndex {
  readonly index: BlobIndex;
  readonly generation: number;
  /** Knows all snapshots that were received until then. */
  readonly knowsUntilMs: number;
}

/** Indexes that are kept; about 60 bytes a blob. One that is larger is loaded each time. */
const MAX_KEPT_BYTES = 256 * 1_024 * 1_024;
/** Nobody browses any more. */
const IDLE_MS = 10 * 60_000;

/**
 * Which blob lies where, for browsing: loaded once for many requests, and refreshed when a snapshot is younger than
 * what was loaded. After a doom it is loaded anew; what it named before stays for the whole grace period.
 */
export class LoadedIndexes {
  private readonly kept: LRUCache<string, LoadedIndex>;
  private readonly loading = new Map<string, Promise<LoadedIndex>>();

  constructor(private readonly options: LoadedIndexesOptions) {
    this.kept = new LRUCache({
      maxSize: options.maxBytes ?? MAX_KEPT_BYTES,
      sizeCalculation: ({ index }) => index.heldBytes + 1,
      ttl: IDLE_MS,
      updateAgeOnGet: true,
      perf: { now: options.now },
      ttlResolution: 0,
    });
  }

  /** An index that knows everything of a snapshot. @throws what opening and reading the repository throws */
  async of(repositoryId: string, receivedAtMs: number): Promise<BlobIndex> {
    const { generation } = await this.options.stateOf(repositoryId);
    const isEnough = (loaded: LoadedIndex | undefined) =>
      loaded !== undefined && loaded.generation >= generation && loaded.knowsUntilMs >= receivedAtMs;
    const kept = this.kept.get(repositoryId);
    if (isEnough(kept)) return kept!.index;
    // One under way may have begun before the snapshot was made; the next one has not.
    const underway = await this.load(repositoryId);
    return (isEnough(underway) ? underway : await this.load(repositoryId)).index;
  }

  /** Once, however many wait. */
  private load(repositoryId: string): Promise<LoadedIndex> {
    const underway = this.loading.get(repositoryId);
    if (underway !== undefined) return underway;
    const loading = this.loadNow(repositoryId).finally(() => this.loading.delete(repositoryId));
    this.loading.set(repositoryId, loading);
    return loading;
  }

  private async loadNow(repositoryId: string): Promise<LoadedIndex> {
    // Asked first: what is committed meanwhile makes the index know more than it says.
    const { generation, nowMs } = await this.options.stateOf(repositoryId);
    const repository = await this.options.open(repositoryId);
    const kept = this.kept.get(repositoryId);
    const index = kept?.generation === generation ? kept.index : await repository.loadIndex();
    if (index === kept?.index) await repository.refreshIndex(index);
    const loaded = { index, generation, knowsUntilMs: nowMs };
    this.kept.set(repositoryId, loaded);
    return loaded;
  }
}
