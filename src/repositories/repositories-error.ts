import type { RepositoryRejection } from '../agent-protocol/protocol.js';
import { StowageError, type StowageErrorOptions } from '../errors/stowage-error.js';

export type RepositoriesErrorCode =
  | RepositoryRejection
  /** 409: the restore is in a state in which this cannot be done. */
  | 'restore_state';

/**
 * Why an agent is refused at a repository. Failures of the bucket are StorageErrors, and what is wrong with the
 * repository itself is a RepositoryError.
 */
export class RepositoriesError extends StowageError<RepositoriesErrorCode> {}

/** @param retryAfterMs when the other agent's lease ends unless it is renewed */
export function leaseHeld(retryAfterMs: number): RepositoriesError {
  return new RepositoriesError(
    'lease_held',
    'Another agent writes this workspace. Stop that agent, or wait until its lease has expired.',
    { retryable: true, retryAfterMs },
  );
}

export function leaseLost(): RepositoriesError {
  return new RepositoriesError(
    'lease_lost',
    'The lease of this workspace has expired, was given up, or went to another agent. Take it anew.',
  );
}

/** @param state of the restore @param why a sentence */
export function restoreState(state: string, why: string): RepositoriesError {
  return new RepositoriesError('restore_state', `The restore is ${state}. ${why}`);
}

/** @param because the end of the sentence, without a full stop */
export function orderRefused(because: string, options?: StowageErrorOptions): RepositoriesError {
  return new RepositoriesError('order_refused', `The order was refused: ${because}.`, options);
}

/** @param because the end of the sentence, without a full stop */
export function commitRefused(because: string): RepositoriesError {
  return new RepositoriesError(
    'commit_refused',
    `The snapshot was not made: ${because}. Load the index again and repeat the run.`,
  );
}

/** Packs were doomed since the run's index was loaded. */
export function indexOutOfDate(): RepositoriesError {
  return commitRefused('what its run relied on has been cleared up since');
}
