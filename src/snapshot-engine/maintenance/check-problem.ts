import { RepositoryError } from '../errors/repository-error.js';
import type { BlobType } from '../pack/packed-blob.js';

export type CheckProblemCode =
  | 'file_unreadable'
  | 'index_wrong'
  | 'pack_missing'
  | 'pack_damaged'
  | 'pack_not_indexed'
  | 'pack_unusual'
  | 'blob_missing'
  | 'blob_damaged'
  | 'tree_wrong';

/** Something that is not as it must be. */
export interface CheckProblem {
  readonly code: CheckProblemCode;
  /** `warning`: everything can be read, but it should not look like this. */
  readonly severity: 'error' | 'warning';
  /** What it concerns, e.g. `pack <id>`. */
  readonly subject: string;
  /** A sentence. */
  readonly message: string;
  /** Blobs that cannot be had because of it: snapshots that need one suffer. */
  readonly blobs?: readonly SufferingBlob[];
}

export interface SufferingBlob {
  readonly type: BlobType;
  readonly id: string;
}

export type CheckListener = (problem: CheckProblem) => void;

export function error(
  code: CheckProblemCode,
  subject: string,
  message: string,
  blobs?: readonly SufferingBlob[],
): CheckProblem {
  return { code, severity: 'error', subject, message, blobs };
}

export function warning(code: CheckProblemCode, subject: string, message: string): CheckProblem {
  return { code, severity: 'warning', subject, message };
}

/** What a RepositoryError says; anything else is thrown on. */
export function messageOf(cause: unknown): string {
  if (!(cause instanceof RepositoryError)) throw cause;
  return cause.message;
}
