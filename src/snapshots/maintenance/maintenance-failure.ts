import { StowageError } from '../../errors/stowage-error.js';
import { isRepositoryError } from '../../snapshot-engine/index.js';
import { StorageError } from '../../storage-providers/storage-errors.js';
import { MaintenanceLeaseLost } from './maintenance-leases.service.js';

/** Why work on a repository did not come to its end. */
export interface MaintenanceFailure {
  readonly code: string;
  /** A sentence that its user can act on. */
  readonly sentence: string;
  /**
   * `locked`: another program is at work, as it may be. `unreachable`: the bucket or its credentials; snapshots tell of
   * that, too. `doubt`: the repository is not as it must be, and nothing was removed.
   */
  readonly kind: 'locked' | 'unreachable' | 'doubt';
}

/** @returns undefined for what is nobody's fault but ours (and is thrown on), or an interruption (and is repeated) */
export function failureOf(error: unknown): MaintenanceFailure | undefined {
  if (error instanceof MaintenanceLeaseLost || isRepositoryError(error, 'cancelled')) return undefined;
  if (isRepositoryError(error)) {
    const kind = error.code === 'repository_locked' ? 'locked' : 'doubt';
    return { code: error.code, sentence: error.message, kind };
  }
  if (error instanceof StorageError) {
    if (error.code === 'aborted') return undefined;
    return { code: error.code, sentence: error.message, kind: 'unreachable' };
  }
  if (error instanceof StowageError) {
    const { code, message } = error as StowageError;
    return { code, sentence: message, kind: 'unreachable' };
  }
  return undefined;
}
