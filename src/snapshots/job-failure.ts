import { StowageError } from '../errors/stowage-error.js';
import { isRepositoryError } from '../snapshot-engine/index.js';
import { StorageError } from '../storage-providers/storage-errors.js';

/** What a job says of its end; only the sentences of our own errors are shown. */
export function failureOf(error: unknown): { readonly code: string; readonly detail: string } {
  if (error instanceof StorageError || isRepositoryError(error) || isOurs(error)) {
    return { code: error.code, detail: error.message };
  }
  return {
    code: 'internal_error',
    detail: 'Something failed that should not. The log of the server tells what.',
  };
}

/** Of any feature's codes. */
function isOurs(error: unknown): error is StowageError {
  return error instanceof StowageError;
}
