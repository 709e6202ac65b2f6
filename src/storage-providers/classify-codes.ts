import type { StorageErrorCode, StorageOperation } from './storage-errors.js';

/*
 * What providers' codes mean, row by row. Sources: the providers' public error lists, the SDKs' retry tables,
 * and answers measured against Ceph and the SDKs. A code that is not listed is never guessed into a category.
 */

/** Picks a more telling sentence within one category; see classify-texts.ts. */
type Nuance =
  | 'unknown_key'
  | 'wrong_secret'
  | 'expired_key'
  | 'unreadable_key'
  | 'key_or_permission'
  | 'bad_bucket_name'
  | 'bad_object_name'
  | 'bucket_going'
  | 'upload_gone'
  | 'locked_object'
  | 'known_region'
  | 'kms'
  | 'dns'
  | 'account_dns'
  | 'refused'
  | 'timeout'
  | 'tls'
  | 'not_the_service'
  | 'broken_connection'
  | 'disk_fault'
  | 'disk_full'
  | 'service_trouble'
  | 'try_again'
  | 'bad_parts'
  | 'our_mistake'
  | 'not_supported'
  | 'bad_range';

export interface Verdict {
  readonly code: StorageErrorCode;
  readonly nuance?: Nuance;
  readonly retryable?: boolean;
  readonly permission?: string;
  readonly region?: string;
}

type CodeTable = ReadonlyMap<string, Verdict>;

function table(...rows: readonly (readonly [codes: string, verdict: Verdict])[]): CodeTable {
  return new Map(
    rows.flatMap(([codes, verdict]) => codes.split(' ').map((code) => [code, verdict] as const)),
  );
}

/** The S3 dialects in one table: AWS, B2 (its native codes too), R2 (its numbers too), Ceph, MinIO. */
export const S3_CODES: CodeTable = table(
  ['InvalidAccessKeyId', { code: 'invalid_credentials', nuance: 'unknown_key' }],
  ['SignatureDoesNotMatch 10035', { code: 'invalid_credentials', nuance: 'wrong_secret' }],
  ['InvalidSecurity 10002', { code: 'invalid_credentials' }],
  ['InvalidToken ExpiredToken TokenRefreshRequired', { code: 'invalid_credentials', nuance: 'expired_key' }],
  ['bad_auth_token expired_auth_token', { code: 'invalid_credentials', nuance: 'expired_key' }],
  ['InvalidAuthToken', { code: 'invalid_credentials', nuance: 'expired_key' }],

  ['NoSuchBucket 10006', { code: 'bucket_not_found' }],
  ['InvalidBucketName 10005', { code: 'bucket_not_found', nuance: 'bad_bucket_name' }],
  ['NoSuchKey NoSuchVersion 10007', { code: 'object_not_found' }],
  ['NoSuchUpload 10024', { code: 'object_not_found', nuance: 'upload_gone' }],

  ['AccessDenied 10003', { code: 'access_denied' }],
  ['MethodNotAllowed', { code: 'access_denied', nuance: 'locked_object' }],
  ['ObjectLockedByBucketPolicy 10069', { code: 'access_denied', nuance: 'locked_object' }],

  ['PermanentRedirect TemporaryRedirect Redirect', { code: 'wrong_region' }],
  ['IllegalLocationConstraintException InvalidRegionName', { code: 'wrong_region' }],

  ['RequestTimeTooSkewed ExpiredRequest 10018 ClockSkew', { code: 'clock_skew' }],

  ['SlowDown TooManyRequests too_many_requests 10058', { code: 'storage_rate_limited', retryable: true }],
  [
    'ServiceUnavailable RequestTimeout InternalError 10043 10001',
    { code: 'storage_rate_limited', nuance: 'service_trouble', retryable: true },
  ],

  ['AccountProblem NotSignedUp AllAccessDisabled NotEntitled 10042', { code: 'quota_or_billing' }],
  ['storage_cap_exceeded transaction_cap_exceeded download_cap_exceeded', { code: 'quota_or_billing' }],
  ['QuotaExceeded UserSuspended UserProjectAccountProblem XMinioStorageFull', { code: 'quota_or_billing' }],

  ['PreconditionFailed OperationAborted 10031', { code: 'conflict' }],
  ['ConditionalRequestConflict', { code: 'conflict', nuance: 'try_again', retryable: true }],

  ['BadDigest XAmzContentSHA256Mismatch IncompleteBody 10037 10013', { code: 'integrity', retryable: true }],
  ['InvalidDigest', { code: 'integrity', nuance: 'our_mistake' }],
  ['EntityTooSmall InvalidPart InvalidPartOrder 10025 10048', { code: 'integrity', nuance: 'bad_parts' }],

  ['InvalidRange', { code: 'provider_error', nuance: 'bad_range' }],
  ['NotImplemented', { code: 'provider_error', nuance: 'not_supported' }],
  ['KeyTooLongError InvalidURI', { code: 'provider_error', nuance: 'bad_object_name' }],
);

/** JSON `reason` values and OAuth errors; the XML dialect answers codes of the S3 table. */
export const GCS_CODES: CodeTable = table(
  ['required authError', { code: 'invalid_credentials', nuance: 'expired_key' }],
  ['invalid_grant', { code: 'invalid_credentials' }],
  ['forbidden', { code: 'access_denied' }],
  ['rateLimitExceeded userRateLimitExceeded', { code: 'storage_rate_limited', retryable: true }],
  [
    'backendError internalError',
    { code: 'storage_rate_limited', nuance: 'service_trouble', retryable: true },
  ],
  ['accountDisabled quotaExceeded', { code: 'quota_or_billing' }],
  ['conditionNotMet', { code: 'conflict' }],
  ['requestedRangeNotSatisfiable', { code: 'provider_error', nuance: 'bad_range' }],
);

/** Values of `x-ms-error-code`. */
export const AZURE_CODES: CodeTable = table(
  ['AuthenticationFailed', { code: 'invalid_credentials', nuance: 'wrong_secret' }],
  ['NoAuthenticationInformation InvalidAuthenticationInfo', { code: 'invalid_credentials' }],
  ['ContainerNotFound', { code: 'bucket_not_found' }],
  ['ContainerBeingDeleted', { code: 'bucket_not_found', nuance: 'bucket_going' }],
  ['InvalidResourceName', { code: 'bucket_not_found', nuance: 'bad_bucket_name' }],
  ['BlobNotFound', { code: 'object_not_found' }],
  ['AuthorizationPermissionMismatch AuthorizationFailure', { code: 'access_denied' }],
  ['InsufficientAccountPermissions AuthorizationSourceIPMismatch', { code: 'access_denied' }],
  ['AuthorizationProtocolMismatch AuthorizationResourceTypeMismatch', { code: 'access_denied' }],
  ['AuthorizationServiceMismatch', { code: 'access_denied' }],
  ['BlobImmutableDueToPolicy', { code: 'access_denied', nuance: 'locked_object' }],
  ['ServerBusy', { code: 'storage_rate_limited', retryable: true }],
  [
    'OperationTimedOut InternalError',
    { code: 'storage_rate_limited', nuance: 'service_trouble', retryable: true },
  ],
  ['AccountIsDisabled', { code: 'quota_or_billing' }],
  ['BlobAlreadyExists ConditionNotMet', { code: 'conflict' }],
  ['Md5Mismatch Crc64Mismatch', { code: 'integrity', retryable: true }],
  ['InvalidBlobOrBlock InvalidBlockList', { code: 'integrity', nuance: 'bad_parts' }],
  ['InvalidRange', { code: 'provider_error', nuance: 'bad_range' }],
);

/** File-system errors of `local_disk`, where `ENOENT` depends on the call. */
export function localDiskVerdict(errno: string, operation: StorageOperation): Verdict | undefined {
  if (errno === 'ENOENT' || errno === 'ENOTDIR') {
    return { code: namesAnObject(operation) ? 'object_not_found' : 'bucket_not_found' };
  }
  return LOCAL_DISK_ERRNOS.get(errno);
}

const LOCAL_DISK_ERRNOS: CodeTable = table(
  ['EACCES EPERM', { code: 'access_denied' }],
  ['ENOSPC EDQUOT', { code: 'quota_or_billing', nuance: 'disk_full' }],
  ['EROFS EIO', { code: 'endpoint_unreachable', nuance: 'disk_fault' }],
  ['EEXIST', { code: 'conflict' }],
  ['ENAMETOOLONG', { code: 'provider_error', nuance: 'bad_object_name' }],
);

/** No complete HTTP answer: why, from the error code of Node, OpenSSL, undici or the SDK. */
export function transportVerdict(errno: string): Verdict | undefined {
  const exact = TRANSPORT_ERRNOS.get(errno);
  if (exact !== undefined) return exact;
  if (/^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_)/.test(errno)) return tlsTrouble;
  return /^(HPE_|ERR_HTTP)/.test(errno)
    ? { code: 'endpoint_unreachable', nuance: 'not_the_service' }
    : undefined;
}

const tlsTrouble: Verdict = { code: 'endpoint_unreachable', nuance: 'tls' };

const TRANSPORT_ERRNOS: CodeTable = table(
  ['AbortError ABORT_ERR UND_ERR_ABORTED', { code: 'aborted' }],
  ['ENOTFOUND', { code: 'endpoint_unreachable', nuance: 'dns', retryable: true }],
  ['EAI_AGAIN EAI_FAIL', { code: 'endpoint_unreachable', nuance: 'dns', retryable: true }],
  [
    'ECONNREFUSED EHOSTUNREACH ENETUNREACH',
    { code: 'endpoint_unreachable', nuance: 'refused', retryable: true },
  ],
  [
    'ECONNRESET EPIPE ECONNABORTED UND_ERR_SOCKET',
    { code: 'endpoint_unreachable', nuance: 'broken_connection', retryable: true },
  ],
  [
    'ETIMEDOUT ESOCKETTIMEDOUT TimeoutError UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT',
    { code: 'endpoint_unreachable', nuance: 'timeout', retryable: true },
  ],
  ['EPROTO DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN', tlsTrouble],
  ['UND_ERR_HEADERS_OVERFLOW', { code: 'endpoint_unreachable', nuance: 'not_the_service' }],
);

/** An answer without a code that we can read, e.g. to HEAD: the status is all there is. */
export function statusVerdict(status: number, operation: StorageOperation, isS3: boolean): Verdict {
  if (status === 403 && (operation === 'head' || operation === 'connect')) {
    return { code: 'invalid_credentials', nuance: 'key_or_permission' };
  }
  if (status === 404) return { code: namesAnObject(operation) ? 'object_not_found' : 'bucket_not_found' };
  if (status < 400 && !isS3) return { code: 'endpoint_unreachable', nuance: 'not_the_service' };
  return STATUSES.get(status) ?? { code: 'provider_error', retryable: isTransientStatus(status) };
}

const STATUSES: ReadonlyMap<number, Verdict> = new Map<number, Verdict>([
  [301, { code: 'wrong_region' }],
  [302, { code: 'wrong_region' }],
  [307, { code: 'wrong_region' }],
  [308, { code: 'wrong_region' }],
  [401, { code: 'invalid_credentials' }],
  [403, { code: 'access_denied' }],
  [405, { code: 'access_denied', nuance: 'locked_object' }],
  [408, { code: 'storage_rate_limited', retryable: true }],
  [409, { code: 'conflict' }],
  [412, { code: 'conflict' }],
  [416, { code: 'provider_error', nuance: 'bad_range' }],
  [429, { code: 'storage_rate_limited', retryable: true }],
  [501, { code: 'provider_error', nuance: 'not_supported' }],
  [503, { code: 'storage_rate_limited', retryable: true }],
]);

/** Statuses after which the same request may succeed. */
export function isTransientStatus(status: number | undefined): boolean {
  return status === 408 || status === 429 || (status !== undefined && status >= 500 && status !== 501);
}

/** Calls for which "not found" is about the object or upload; for the others it is about the bucket. */
export function namesAnObject(operation: StorageOperation): boolean {
  return OBJECT_OPERATIONS.has(operation);
}

const OBJECT_OPERATIONS: ReadonlySet<StorageOperation> = new Set([
  'get',
  'head',
  'delete',
  'upload_part',
  'complete_multipart',
  'abort_multipart',
  'copy',
  'copy_part',
]);
