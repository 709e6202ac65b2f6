import { cancellable } from '../errors/cancellation.js';
import type { ExclusiveLock, MaintainedRepository } from './maintained-repository.js';

export interface ForgetOptions {
  readonly lock: ExclusiveLock;
  readonly signal?: AbortSignal;
}

export interface ForgetResult {
  readonly forgotten: readonly string[];
  /** Ids of the snapshots that are still there, ascending. */
  readonly remaining: readonly string[];
}

/**
 * Removes snapshot files. What they alone needed stays until a prune. Snapshots that are gone already are no error; a
 * run that ended on the way is repeated with the same ids. Rejects with `repository_locked` when the lock is lost, with
 * `cancelled` after an abort, and with StorageErrors.
 */
export function forgetSnapshots(
  { files }: MaintainedRepository,
  snapshotIds: readonly string[],
  { lock, signal }: ForgetOptions,
): Promise<ForgetResult> {
  return cancellable('removal of snapshots', signal, async () => {
    for (const id of snapshotIds) {
      lock.assertHeld();
      await files.remove('snapshot', id, { signal });
    }
    const remaining: string[] = [];
    for await (const { id } of files.list('snapshot', { signal })) remaining.push(id);
    return { forgotten: snapshotIds, remaining };
  });
}
