import type { RepositoriesErrorCode } from '../repositories/repositories-error.js';
import type { RepositoryErrorCode } from '../snapshot-engine/index.js';
import type { ProblemKind } from './problem-kind.js';

/** What agents are refused with, and what can be wrong with a repository. */
export type RepositoryProblemCode = RepositoriesErrorCode | RepositoryErrorCode;

export const REPOSITORY_PROBLEMS: Readonly<Record<RepositoryProblemCode, ProblemKind>> = {
  lease_held: {
    status: 409,
    title: 'Lease held',
    meaning: 'Another agent writes this workspace.',
    action:
      'Stop that agent, or repeat the request when `Retry-After` has passed: its lease may have expired.',
  },
  lease_lost: {
    status: 409,
    title: 'Lease lost',
    meaning: 'The lease that the agent names has expired, was given up, or went to another agent.',
    action: 'The agent takes the lease anew; it does so by itself.',
  },
  order_refused: {
    status: 403,
    title: 'Order refused',
    meaning: 'An agent asked to read or write a file that no agent may, or not by this right.',
    action: 'Nothing was signed. If this was no manipulated agent, update it.',
  },
  commit_refused: {
    status: 409,
    title: 'Commit refused',
    meaning:
      'A snapshot relies on files that are missing or about to be deleted, or on an index that is out of date.',
    action: 'The agent loads the index again and repeats the run; it does so by itself.',
  },
  restore_state: {
    status: 409,
    title: 'Not in this state',
    meaning:
      'The restore is not in a state in which this can be done: not planned yet, started already, or ended.',
    action: 'Read the restore again; its `state` tells what can be done.',
  },
  repository_not_found: {
    status: 404,
    title: 'Repository not found',
    meaning: 'The repository is listed here, but its config is gone from the bucket.',
    action: 'Look whether someone or a lifecycle rule deleted it at the provider, and bring it back.',
  },
  repository_exists: {
    status: 409,
    title: 'Repository exists',
    meaning: 'There is a repository in this place already.',
    action: 'Open it, or choose another place.',
  },
  repository_locked: {
    status: 409,
    title: 'Repository locked',
    meaning: 'Another program, restic for one, holds a lock in the repository.',
    action: 'Wait until it has ended; if none runs, remove its lock with `restic unlock`.',
  },
  wrong_password: {
    status: 409,
    title: 'Wrong password',
    meaning: 'The password that is kept for this repository opens none of its keys any more.',
    action: 'Bring the file below `keys/` back that was there when the repository was made.',
  },
  key_not_found: {
    status: 404,
    title: 'Key not found',
    meaning: 'The repository has no such key any more.',
    action: 'List its keys again.',
  },
  key_in_use: {
    status: 409,
    title: 'Key in use',
    meaning: 'A key cannot be removed with itself.',
    action: 'Open the repository with another password first.',
  },
  unsupported_repository: {
    status: 409,
    title: 'Unsupported repository',
    meaning: 'The repository is of a format or uses a derivation that is not supported.',
    action: 'Use a repository of format 2, as restic 0.14 and later make it.',
  },
  damaged_repository: {
    status: 502,
    title: 'Repository damaged',
    meaning: 'A file of the repository in the bucket is not what was stored there.',
    action: 'Check the repository; older snapshots and other files may be whole.',
  },
  unsafe_repository: {
    status: 409,
    title: 'Unsafe repository',
    meaning: 'A snapshot holds names or links that would lead out of the directory that it is restored to.',
    action: 'Nothing of it was written. Restore other paths, or another snapshot.',
  },
  snapshot_not_found: {
    status: 404,
    title: 'Snapshot not found',
    meaning: 'The repository has no such snapshot, or has it no more.',
    action: 'List the snapshots again.',
  },
  path_not_found: {
    status: 404,
    title: 'Path not found',
    meaning: 'The snapshot has no such file or directory.',
    action: 'List the directory above it.',
  },
  workspace_unreadable: {
    status: 409,
    title: 'Workspace unreadable',
    meaning: 'The directory of the workspace cannot be read on its host.',
    action: 'Check that it exists and that the agent may read it.',
  },
  target_unwritable: {
    status: 409,
    title: 'Target unwritable',
    meaning: 'The directory that is restored to cannot be written.',
    action: 'Choose another target, or let the agent write there.',
  },
  prune_refused: {
    status: 409,
    title: 'Prune refused',
    meaning: 'Something in the repository is not as it must be, so nothing was removed from it.',
    action: 'Check the repository, and repair what the check names.',
  },
  cancelled: {
    status: 503,
    title: 'Cancelled',
    meaning: 'The work on the repository was cancelled before its end.',
    action: 'Repeat the request.',
  },
};
