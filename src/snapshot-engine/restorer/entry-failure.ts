import { RepositoryError } from '../errors/repository-error.js';
import { isSystemError } from '../filesystem/libc.js';

/** What went wrong with one entry; the others go on. */
export interface Failure {
  /** Raw bytes as latin1. */
  readonly path: string;
  readonly message: string;
}

/** Nothing else could be written either. */
const FATAL_CODES = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'ENOMEM', 'EMFILE', 'ENFILE', 'ESTALE'] as const;

/** Collects what fails of many entries; an entry fails once. */
export class Failures {
  readonly list: Failure[] = [];

  /** Throws `target_unwritable` for what concerns more than this entry. */
  attempt(path: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (isSystemError(error, ...FATAL_CODES)) throw asTargetError(error);
      if (error instanceof RepositoryError && error.code === 'target_unwritable') throw error;
      this.list.push({ path, message: (error as Error).message });
    }
  }
}

export function asTargetError(error: Error & { readonly code?: string }): RepositoryError {
  const why =
    error.code === 'ENOSPC' || error.code === 'EDQUOT'
      ? 'there is no space left for it'
      : `the system says ${error.message}`;
  return new RepositoryError('target_unwritable', `The target cannot be written: ${why}.`, undefined, {
    cause: error,
  });
}
