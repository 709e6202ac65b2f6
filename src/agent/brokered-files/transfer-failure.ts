import {
  StorageError,
  type StorageErrorCode,
  type StorageOperation,
} from '../../storage-providers/storage-errors.js';

interface Meaning {
  readonly code: StorageErrorCode;
  readonly what: string;
  readonly hint: string;
  readonly retryable: boolean;
}

/** What a storage says to a signed request, by its status alone: bodies may quote the signed address. */
export function transferFailure(operation: StorageOperation, status: number): StorageError {
  const { code, what, hint, retryable } = meaningOf(status);
  return new StorageError(code, `The bucket ${what} (HTTP ${status}).`, {
    operation,
    hint,
    retryable,
    httpStatus: status,
  });
}

function meaningOf(status: number): Meaning {
  if (status === 404) {
    return {
      code: 'object_not_found',
      what: 'does not have this file',
      hint: 'It may have been removed.',
      retryable: false,
    };
  }
  if (status === 429) {
    const hint = 'It is tried again; if it stays, snapshot less often.';
    return { code: 'storage_rate_limited', what: 'takes no more requests for now', hint, retryable: true };
  }
  if (status === 402 || status === 507) {
    const hint = 'Raise the quota of the bucket, or pay its bill.';
    return { code: 'quota_or_billing', what: 'is full or not paid for', hint, retryable: false };
  }
  if (RENEWED.has(status)) {
    const hint = 'Run the connection test of the bucket on the server, and compare the clocks.';
    return {
      code: 'access_denied',
      what: 'refuses the signed requests of the server',
      hint,
      retryable: false,
    };
  }
  const hint = 'It is tried again; if it stays, look at the status page of the provider.';
  return { code: 'provider_error', what: 'has failed', hint, retryable: status >= 500 || status === 408 };
}

const RENEWED: ReadonlySet<number> = new Set([400, 401, 403]);
