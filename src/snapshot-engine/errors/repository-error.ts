/** What can be wrong with a repository. Failures of the store itself stay StorageErrors and pass through. */
export const REPOSITORY_ERROR_CODES = [
  'repository_not_found',
  'repository_exists',
  'repository_locked',
  'wrong_password',
  'key_not_found',
  'key_in_use',
  'unsupported_repository',
  'damaged_repository',
  'unsafe_repository',
  'snapshot_not_found',
  'path_not_found',
  'workspace_unreadable',
  'target_unwritable',
  'prune_refused',
  'commit_refused',
  'cancelled',
] as const;

export type RepositoryErrorCode = (typeof REPOSITORY_ERROR_CODES)[number];

/**
 * Every failure of the engine that is not a StorageError. `message` is a sentence that a user can act on; it carries
 * no password, no key and no content. `subject` names what is concerned: a repository file, a blob id or a path.
 */
export class RepositoryError extends Error {
  override readonly name = 'RepositoryError';

  readonly code: RepositoryErrorCode;
  readonly subject: string | undefined;

  constructor(code: RepositoryErrorCode, message: string, subject?: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.subject = subject;
  }
}

export function isRepositoryError(error: unknown, code?: RepositoryErrorCode): error is RepositoryError {
  return error instanceof RepositoryError && (code === undefined || error.code === code);
}

/** Bytes of the repository are not what they must be: a torn, altered or forged file. */
export function damaged(subject: string, what: string, cause?: unknown): RepositoryError {
  return new RepositoryError('damaged_repository', `${subject} is damaged: ${what}.`, subject, { cause });
}
