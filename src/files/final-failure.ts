import { StowageError } from '../errors/stowage-error.js';
import type { JobRun } from '../jobs/job-handler.js';
import { StorageError } from '../storage-providers/storage-errors.js';

/** Whether a job ends with this error, which tells its user what to do; with any other it is run again. */
export function isFinalFailure(
  error: unknown,
  { signal, isLastAttempt }: Pick<JobRun, 'signal' | 'isLastAttempt'>,
): error is StorageError | StowageError {
  const isExplained = error instanceof StorageError || error instanceof StowageError;
  return isExplained && !signal.aborted && (isLastAttempt || !error.retryable);
}
