import { RepositoryError } from '../errors/repository-error.js';

/** Why nothing is removed: the repository is not what it must be, or this run cannot be sure. */
export function refused(because: string, subject?: string, cause?: unknown): RepositoryError {
  return new RepositoryError(
    'prune_refused',
    `Nothing was removed: ${because}. Run a check of the repository, and repair it first.`,
    subject,
    { cause },
  );
}

/** Turns what is wrong with the repository into a refusal; failures of the store and others pass through. */
export async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RepositoryError)) throw error;
    if (error.code !== 'damaged_repository' && error.code !== 'unsafe_repository') throw error;
    throw refused(error.message.replace(/\.$/, ''), error.subject, error);
  }
}
