import { isStorageError } from '../storage-errors.js';
import type { ObjectStorage } from '../storage-provider.js';

/** What a test may have left in the bucket, so that it can be removed whatever happened. */
export class Leftovers {
  readonly #keys = new Set<string>();
  readonly #uploads = new Map<string, string>();

  /** Runs a call that creates `key`. The key counts as there unless the provider refused the call for certain. */
  async creating<T>(key: string, call: () => Promise<T>): Promise<T> {
    this.#keys.add(key);
    try {
      return await call();
    } catch (error) {
      if (isStorageError(error) && REFUSALS.has(error.code)) this.#keys.delete(key);
      throw error;
    }
  }

  uploadStarted(key: string, uploadId: string): void {
    this.#uploads.set(uploadId, key);
  }

  uploadEnded(uploadId: string): void {
    this.#uploads.delete(uploadId);
  }

  gone(key: string): void {
    this.#keys.delete(key);
  }

  /** @returns the keys that could not be removed; empty when nothing is left */
  async remove(storage: ObjectStorage, signal: AbortSignal): Promise<string[]> {
    const left = new Set<string>();
    for (const [uploadId, key] of this.#uploads) {
      await storage.multipart?.abort(key, uploadId, { signal }).catch(() => left.add(key));
    }
    for (const key of this.#keys) {
      await storage.delete(key, { signal }).catch(() => left.add(key));
    }
    return [...left];
  }
}

/** Answers after which nothing was stored; every other failure may have come after the write. */
const REFUSALS: ReadonlySet<string> = new Set([
  'invalid_credentials',
  'bucket_not_found',
  'access_denied',
  'wrong_region',
  'clock_skew',
  'quota_or_billing',
]);
