import type { OpenedConfig } from '../../credentials/cloud-storages.service.js';
import type { BucketEpochs } from '../epoch/bucket-epochs.js';
import { headIfThere } from '../head-if-there.js';
import { compareBucket, type ComparedRows } from './compare-bucket.js';
import { type LiveRow, planSweep, type Sighting, type SweepPlan, type UnnamedUpload } from './plan-sweep.js';
import { MAX_PER_RUN, MIN_AGE_MS, MIN_ROW_AGE_MS } from './sweep-limits.js';

const OBJECTS_AT_ONCE = 100;

/** A row of an upload that never ended. */
export interface UnfinishedUploadRow {
  readonly id: number;
  readonly objectKey: string;
  /** At the provider. */
  readonly uploadId: string | null;
}

/** What a sweep reads and writes in the database. A method that returned has committed. */
export interface SweptRows extends ComparedRows {
  namedAnywhere(keys: readonly string[]): Promise<ReadonlySet<string>>;
  sightings(bucketId: string): Promise<readonly Sighting[]>;
  /** All others of the place are forgotten. */
  saveSightings(bucketId: string, runId: string, sightings: readonly Sighting[]): Promise<void>;
  /** Tells their users. @returns how many changed */
  markMissing(rows: readonly LiveRow[], atMs: number): Promise<number>;
  /** @returns how many changed */
  markFound(rows: readonly LiveRow[]): Promise<number>;
  /** Pending rows of all configurations of the same place, from before a time, at most `limit`. */
  unfinished(configId: number, beforeMs: number, limit: number): Promise<readonly UnfinishedUploadRow[]>;
  /** From then on it cannot become a file. @returns whether it was still pending */
  doom(id: number): Promise<boolean>;
  remove(id: number): Promise<void>;
}

export interface SweepDeps {
  readonly rows: SweptRows;
  readonly epochs: Pick<BucketEpochs, 'assertCurrent'>;
  readonly now: () => number;
}

export interface SweepOutcome {
  readonly bucketId: string;
  readonly scannedObjects: number;
  readonly candidateObjects: number;
  readonly deletedObjects: number;
  readonly deletedBytes: number;
  readonly abortedUploads: number;
  readonly removedRows: number;
  readonly missingFiles: number;
  readonly foundFiles: number;
  readonly stop: { readonly code: string; readonly detail: string } | undefined;
  /** Whether another run has something to do soon. */
  readonly isUnfinished: boolean;
}

/**
 * Looks through one place of a bucket: deletes what uploads left behind, notes what is missing. May be repeated after a
 * crash at any point, and may even run twice at a time: whatever goes has a name that is never used again.
 * @throws FilesError `reconcile_required`, StorageError; nothing was deleted on the ground of a listing then
 */
export async function sweepBucket(
  deps: SweepDeps,
  opened: OpenedConfig,
  { runId, signal }: { readonly runId: string; readonly signal: AbortSignal },
): Promise<SweepOutcome> {
  const { rows, epochs } = deps;
  const bucketId = await epochs.assertCurrent(opened, signal);
  const sweep = new Sweep(deps, opened, signal);
  const removedRows = await sweep.removeUnfinished();
  const nowMs = deps.now();
  const comparison = await compareBucket(rows, {
    configId: opened.configId,
    storage: opened.storage,
    objectsBeforeMs: nowMs - MIN_AGE_MS,
    rowsBeforeMs: nowMs - MIN_ROW_AGE_MS,
    signal,
  });
  const plan = planSweep(comparison, await rows.sightings(bucketId), nowMs);
  await rows.saveSightings(bucketId, runId, plan.sightings);
  const foundFiles = await rows.markFound(comparison.found);
  const missing = await sweep.markMissing(plan.markMissing);
  const stop = missing.isListingWrong ? LISTING_IS_WRONG : plan.stop;
  const done = missing.isListingWrong ? NOTHING : await sweep.carryOut(plan);
  return {
    bucketId,
    scannedObjects: comparison.scannedObjects,
    candidateObjects: comparison.objects.count,
    ...done,
    removedRows,
    missingFiles: missing.count,
    foundFiles,
    stop,
    isUnfinished: plan.isUnfinished || removedRows === MAX_PER_RUN,
  };
}

const NOTHING: DoneCounts = { deletedObjects: 0, deletedBytes: 0, abortedUploads: 0 };

const LISTING_IS_WRONG = {
  code: 'listing_incomplete',
  detail:
    'The bucket holds an object that its complete listing does not show. Nothing was deleted. ' +
    'Tell your provider: its listings cannot be relied on.',
} as const;

class Sweep {
  constructor(
    private readonly deps: SweepDeps,
    private readonly opened: OpenedConfig,
    private readonly signal: AbortSignal,
  ) {}

  /** The row cannot become a file any more before its own key, and nothing else, is cleaned up. */
  async removeUnfinished(): Promise<number> {
    const { rows, now } = this.deps;
    const { storage } = this.opened;
    const { signal } = this;
    let removed = 0;
    for (const row of await rows.unfinished(this.opened.configId, now() - MIN_AGE_MS, MAX_PER_RUN)) {
      signal.throwIfAborted();
      if (!(await rows.doom(row.id))) continue;
      if (row.uploadId !== null) await storage.multipart?.abort(row.objectKey, row.uploadId, { signal });
      await storage.delete(row.objectKey, { signal });
      await rows.remove(row.id);
      removed += 1;
    }
    return removed;
  }

  /** A listing that is said to be complete and lacks what is there proves nothing at all. */
  async markMissing(absent: readonly LiveRow[]): Promise<{ count: number; isListingWrong: boolean }> {
    const missing: LiveRow[] = [];
    for (const row of absent) {
      if (!(await this.exists(row.objectKey))) missing.push(row);
      // One that was deleted or given another content meanwhile tells nothing about the listing.
      else if ((await this.deps.rows.namedAnywhere([row.objectKey])).has(row.objectKey))
        return { count: 0, isListingWrong: true };
    }
    return { count: await this.deps.rows.markMissing(missing, this.deps.now()), isListingWrong: false };
  }

  async carryOut(plan: SweepPlan): Promise<DoneCounts> {
    const { deleteObjects, abortUploads } = plan;
    if (deleteObjects.length + abortUploads.length === 0) return NOTHING;
    const done = { deletedObjects: 0, deletedBytes: 0 };
    for (let at = 0; at < deleteObjects.length; at += OBJECTS_AT_ONCE) {
      const some = deleteObjects.slice(at, at + OBJECTS_AT_ONCE);
      // Hours may have passed with a listing: whether these rows still count is asked again, and what they name.
      await this.deps.epochs.assertCurrent(this.opened, this.signal);
      const named = await this.deps.rows.namedAnywhere(some.map(({ key }) => key));
      for (const { key, sizeBytes } of some.filter((object) => !named.has(object.key))) {
        this.signal.throwIfAborted();
        await this.opened.storage.delete(key, { signal: this.signal });
        done.deletedObjects += 1;
        done.deletedBytes += sizeBytes;
      }
    }
    return { ...done, abortedUploads: await this.abort(abortUploads) };
  }

  private async abort(uploads: readonly UnnamedUpload[]): Promise<number> {
    const { signal } = this;
    const named = await this.deps.rows.namedUploads(uploads.map(({ uploadId }) => uploadId));
    const abandoned = uploads.filter(({ uploadId }) => !named.has(uploadId));
    for (const { key, uploadId } of abandoned) {
      signal.throwIfAborted();
      await this.opened.storage.multipart?.abort(key, uploadId, { signal });
    }
    return abandoned.length;
  }

  private async exists(key: string): Promise<boolean> {
    const { storage } = this.opened;
    return (await headIfThere(storage, key, { signal: this.signal })) !== undefined;
  }
}

type DoneCounts = Pick<SweepOutcome, 'deletedObjects' | 'deletedBytes' | 'abortedUploads'>;
