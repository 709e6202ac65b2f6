import { StowageError } from '../errors/stowage-error.js';

export type SnapshotsErrorCode =
  /** 409: no agent was named, and this server runs none. */
  | 'no_agent'
  /** 403: a path that this user may not use on the server's own machine. */
  | 'path_refused'
  /** 409: another workspace has this name. */
  | 'name_taken'
  /** 409: stays until somebody takes the protection off. */
  | 'snapshot_protected'
  /** 409: the newest of a workspace, which its runs are compared with. */
  | 'newest_snapshot'
  /** 409: nothing was snapshotted yet. */
  | 'no_snapshot'
  /** 400: would write into the workspace itself, and nobody said so. */
  | 'confirmation_required'
  /** 413: more entries than an archive holds. */
  | 'archive_too_large'
  /** 429: more event streams of one user than a process keeps. */
  | 'too_many_streams';

/** What can go wrong with workspaces, snapshots and restores; of a repository itself there are RepositoryErrors. */
export class SnapshotsError extends StowageError<SnapshotsErrorCode> {}

/** @param what the kind of long answers that the user has as many of as a process gives */
export const tooManyStreams =
  (what: string) =>
  (count: number): SnapshotsError =>
    new SnapshotsError(
      'too_many_streams',
      `You have ${count} ${what} under way, the most that this server gives one user. Wait for one to end.`,
      { retryable: true, retryAfterMs: 5_000 },
    );
