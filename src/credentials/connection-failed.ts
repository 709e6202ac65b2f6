import { isStorageError, type StorageErrorCode } from '../storage-providers/storage-errors.js';
import type { ConnectionTestResult } from '../storage-providers/connection-checks/fold-result.js';
import { CredentialsError } from './credentials-error.js';

/**
 * Why settings were not saved. What the user entered wrong is told by the storage's own error (`Invalid
 * credentials`, with the provider's code and the repairing hint); everything else is `connection_failed` with the
 * category in its sentence.
 */
export function connectionFailed(result: ConnectionTestResult): Error {
  const failure = result.checks.find((check) => check.status === 'failed')?.error;
  if (isStorageError(failure) && ENTERED_WRONG.has(failure.code)) return failure;
  const sentence = [`${result.error}.`, result.details, result.repair].filter(Boolean).join(' ');
  return new CredentialsError('connection_failed', sentence, { cause: failure });
}

const ENTERED_WRONG: ReadonlySet<StorageErrorCode> = new Set([
  'invalid_credentials',
  'bucket_not_found',
  'access_denied',
  'wrong_region',
]);
