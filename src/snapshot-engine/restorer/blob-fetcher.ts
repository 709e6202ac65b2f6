import { throwIfCancelled } from '../errors/cancellation.js';
import { RepositoryError } from '../errors/repository-error.js';
import { StorageError } from '../../storage-providers/storage-errors.js';
import { ownMemory } from '../workers/own-memory.js';
import { ByteBudget } from './byte-budget.js';
import { planFetches, separateRanges, type FetchRange } from './fetch-plan.js';
import type { RestoreLimits } from './restore-options.js';
import type { BlobLocation, RestoreSource } from './restore-source.js';

/** What came of a range; `bytes` own their memory and may be transferred. */
export interface FetchedRange extends FetchRange {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface RangeHandler {
  /** Works on the bytes; the next ranges are fetched meanwhile, as far as the limits allow. */
  onBytes(range: FetchedRange): Promise<void>;
  /** A blob that the store does not give: its pack is gone, shorter, or not what was stored. */
  onMissing(blob: BlobLocation, error: Error): Promise<void> | void;
}

/** Fetches what is asked for once each, several ranges at a time, within the limits of bytes and requests. */
export class BlobFetcher {
  readonly #source: RestoreSource;
  readonly #limits: RestoreLimits;

  constructor(source: RestoreSource, limits: RestoreLimits) {
    this.#source = source;
    this.#limits = limits;
  }

  /**
   * Resolves when all ranges are dealt with. Rejects with the first StorageError that is not about a single pack, with
   * what `onBytes` rejects with, or with `cancelled`; nothing is under way any more then.
   */
  async fetch(
    blobs: Iterable<BlobLocation>,
    handler: RangeHandler,
    signal?: AbortSignal,
    fronts = 1,
  ): Promise<void> {
    const budget = new ByteBudget(this.#limits.bytesInFlight, this.#limits.requests);
    const stop = new AbortController();
    const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    const underWay = new Set<Promise<void>>();
    let failure: Error | undefined;
    for (const range of planFetches(blobs, fronts)) {
      await budget.take(range.costBytes);
      if (either.aborted) break;
      const work = this.#handle(range, handler, either)
        .catch((error: Error) => {
          failure ??= error;
          stop.abort();
        })
        .finally(() => {
          budget.give(range.costBytes);
          underWay.delete(work);
        });
      underWay.add(work);
    }
    await Promise.all(underWay);
    throwIfCancelled('restore', signal);
    if (failure !== undefined) throw failure;
  }

  async #handle(range: FetchRange, handler: RangeHandler, signal: AbortSignal): Promise<void> {
    const bytes = await this.#load(range, signal);
    if (!(bytes instanceof Error)) return handler.onBytes({ ...range, bytes });
    if (range.blobs.length === 1) return handler.onMissing(range.blobs[0]!, bytes);
    for (const single of separateRanges(range)) {
      signal.throwIfAborted();
      await this.#handle(single, handler, signal);
    }
  }

  /** The error when it is about this pack alone. */
  async #load(
    { packId, offset, lengthBytes }: FetchRange,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | Error> {
    try {
      const range = { offset, lengthBytes };
      const bytes = await this.#source.files.load('pack', packId, { range, signal });
      return bytes.length === lengthBytes ? ownMemory(bytes) : new Error('The store answered other bytes.');
    } catch (error) {
      if (isAboutThisPack(error)) return error as Error;
      throw error;
    }
  }
}

function isAboutThisPack(error: unknown): boolean {
  if (error instanceof StorageError) {
    // 416: the range begins behind the end.
    return error.code === 'object_not_found' || error.code === 'integrity' || error.httpStatus === 416;
  }
  return error instanceof RepositoryError && error.code === 'damaged_repository';
}
