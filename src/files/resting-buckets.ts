import { isStorageError } from '../storage-providers/storage-errors.js';

/**
 * Configurations whose buckets failed in one run of work that nobody waits for. They are left alone until the next
 * run, so that a bucket that is down or locked delays nobody else's files.
 */
export class RestingBuckets {
  private readonly failures = new Map<number, unknown>();

  /** For statements that leave their rows out. */
  get configIds(): number[] {
    return [...this.failures.keys()];
  }

  get count(): number {
    return this.failures.size;
  }

  /** Why it rests; undefined when it does not. */
  failureOf(configId: number): unknown {
    return this.failures.get(configId);
  }

  has(configId: number): boolean {
    return this.failures.has(configId);
  }

  rest(configId: number, failure: unknown): void {
    if (!this.failures.has(configId)) this.failures.set(configId, failure);
  }

  /** After a failure with one object: the bucket rests unless it is this object that it refuses. */
  noteFailure(configId: number, failure: unknown): void {
    if (!isStorageError(failure) || failure.retryable) this.rest(configId, failure);
  }
}
