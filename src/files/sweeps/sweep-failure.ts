import { CredentialsError } from '../../credentials/credentials-error.js';
import { isStorageError } from '../../storage-providers/storage-errors.js';
import { FilesError } from '../file-errors.js';

export interface SweepFailure {
  /** stopped: something is wrong with what was found. failed: nothing could be found out. */
  readonly state: 'stopped' | 'failed';
  readonly code: string;
  /** A sentence to act on. */
  readonly detail: string;
}

/** @returns undefined when it is no failure of a bucket: then the work is to be tried again as it is */
export function sweepFailureOf(error: unknown): SweepFailure | undefined {
  if (isStorageError(error)) {
    const isDoubt = error.code === 'clock_skew' || error.providerCode === 'PROVIDER_PROTOCOL_ERROR';
    const detail = `${error.message} ${error.hint}`;
    return { state: isDoubt ? 'stopped' : 'failed', code: error.code, detail };
  }
  if (error instanceof FilesError) return { state: 'stopped', code: error.code, detail: error.message };
  if (error instanceof CredentialsError) return { state: 'failed', code: error.code, detail: error.message };
  return undefined;
}
