/** What went wrong at a provider, in the user's terms. Every provider's codes are mapped onto these. */
export const STORAGE_ERROR_CODES = [
  'invalid_credentials',
  'bucket_not_found',
  'object_not_found',
  'access_denied',
  'wrong_region',
  'endpoint_unreachable',
  'clock_skew',
  'storage_rate_limited',
  'quota_or_billing',
  'conflict',
  'integrity',
  'aborted',
  'provider_error',
] as const;

export type StorageErrorCode = (typeof STORAGE_ERROR_CODES)[number];

/** The calls that providers differ in; a permission is named after the call that was refused. */
export type StorageOperation =
  | 'list'
  | 'get'
  | 'head'
  | 'put'
  | 'delete'
  | 'create_multipart'
  | 'upload_part'
  | 'complete_multipart'
  | 'abort_multipart'
  | 'list_multipart'
  | 'list_parts'
  | 'copy'
  | 'copy_part'
  | 'sign'
  | 'connect';

export interface StorageErrorDetails {
  readonly operation: StorageOperation;
  /** The refused permission in the provider's own words, e.g. `s3:PutObject`. */
  readonly permission?: string;
  /** One line that repairs it, e.g. `Grant s3:PutObject on arn:aws:s3:::bucket/*`. */
  readonly hint: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  /** The provider's own code, e.g. `SignatureDoesNotMatch` or `ENOTFOUND`. */
  readonly providerCode?: string;
  readonly httpStatus?: number;
  readonly requestId?: string;
  readonly cause?: unknown;
}

/** Every failure of a storage call. Carries no credential, no signed URL and no raw provider body. */
export class StorageError extends Error {
  readonly code: StorageErrorCode;
  readonly operation: StorageOperation;
  readonly permission: string | undefined;
  readonly hint: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly providerCode: string | undefined;
  readonly httpStatus: number | undefined;
  readonly requestId: string | undefined;

  constructor(code: StorageErrorCode, message: string, details: StorageErrorDetails) {
    super(message, { cause: details.cause });
    this.code = code;
    this.name = 'StorageError';
    this.operation = details.operation;
    this.permission = details.permission;
    this.hint = details.hint;
    this.retryable = details.retryable;
    this.retryAfterMs = details.retryAfterMs;
    this.providerCode = details.providerCode;
    this.httpStatus = details.httpStatus;
    this.requestId = details.requestId;
  }
}

export function isStorageError(error: unknown, code?: StorageErrorCode): error is StorageError {
  return error instanceof StorageError && (code === undefined || error.code === code);
}
