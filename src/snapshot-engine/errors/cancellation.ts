import { RepositoryError } from './repository-error.js';

/** What can be cancelled, as it stands in the sentence about it. */
export type Cancellable =
  | 'archive'
  | 'restore'
  | 'check'
  | 'prune'
  | 'removal of snapshots'
  | 'repair of the index'
  | 'search for false packs'
  | 'reading of the snapshot';

/**
 * What work rejects with after its signal was aborted, whatever it failed with: `cancelled`. A signal that says itself
 * what is wrong with the repository, as that of a lost lock does, is believed.
 */
export function cancelled(
  what: Cancellable,
  { reason }: AbortSignal,
  cause: unknown = reason,
): RepositoryError {
  if (reason instanceof RepositoryError) return reason;
  return new RepositoryError('cancelled', `The ${what} was cancelled.`, undefined, { cause });
}

/** Throws `cancelled` after an abort. */
export function throwIfCancelled(what: Cancellable, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(what, signal);
}

/** Does `work`; rejects with `cancelled` when it fails after an abort, and does not begin after one. */
export async function cancellable<T>(
  what: Cancellable,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  throwIfCancelled(what, signal);
  try {
    return await work();
  } catch (error) {
    throw signal?.aborted ? cancelled(what, signal, error) : error;
  }
}

/** As `cancellable`, for what comes item by item. */
export async function* cancellableItems<T>(
  what: Cancellable,
  signal: AbortSignal | undefined,
  items: () => AsyncIterable<T>,
): AsyncGenerator<T, void> {
  throwIfCancelled(what, signal);
  try {
    yield* items();
  } catch (error) {
    throw signal?.aborted ? cancelled(what, signal, error) : error;
  }
}
