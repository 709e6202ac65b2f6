import { describe, expect, it } from '@jest/globals';
import { classify } from './classify.js';
import type { ProviderFailure } from './provider-failure.js';
import {
  STORAGE_ERROR_CODES,
  StorageError,
  type StorageErrorCode,
  type StorageOperation,
} from './storage-errors.js';
import { PROVIDER_NAMES, type ProviderName } from './storage-provider.js';

const NOW_MS = Date.parse('2026-11-22T06:30:00Z');

/*
 * provider | operation | status and code, or errno | the provider's text | category | words that must be told
 * `s3` stands for the five members of the S3 family, `net` for all but local_disk. A `+` after the category: may be
 * tried again. `html` in place of a code: the answer was not in the provider's format.
 */
const ROWS = `
aws_s3 | put | 403 InvalidAccessKeyId | | invalid_credentials | access_key_id is not valid
aws_s3 | put | 403 SignatureDoesNotMatch | | invalid_credentials | secret_access_key does not belong; IAM console
aws_s3 | put | 403 InvalidSecurity | | invalid_credentials |
aws_s3 | put | 400 InvalidToken | | invalid_credentials |
aws_s3 | put | 400 ExpiredToken | | invalid_credentials | any more
aws_s3 | put | 400 TokenRefreshRequired | | invalid_credentials |
aws_s3 | put | 400 AuthorizationHeaderMalformed | The header is malformed | invalid_credentials |
aws_s3 | head | 403 | | invalid_credentials | permission to read
aws_s3 | connect | 403 | | invalid_credentials |
backblaze_b2 | put | 403 InvalidAccessKeyId | | invalid_credentials | key_id is not valid
backblaze_b2 | put | 403 SignatureDoesNotMatch | | invalid_credentials | application_key
backblaze_b2 | put | 401 bad_auth_token | | invalid_credentials | master key does not work
backblaze_b2 | put | 401 expired_auth_token | | invalid_credentials |
backblaze_b2 | put | 401 InvalidAuthToken | | invalid_credentials |
backblaze_b2 | put | 401 unauthorized | Application key is not valid | invalid_credentials |
cloudflare_r2 | put | 401 Unauthorized | | invalid_credentials | up to a minute
cloudflare_r2 | put | 401 10002 | | invalid_credentials |
cloudflare_r2 | put | 403 SignatureDoesNotMatch | | invalid_credentials |
cloudflare_r2 | put | 403 10035 | | invalid_credentials |
cloudflare_r2 | put | 400 InvalidArgument | Credential access key has length 20, should be 32 | invalid_credentials |
digitalocean_spaces | put | 403 InvalidAccessKeyId | | invalid_credentials |
digitalocean_spaces | put | 403 SignatureDoesNotMatch | | invalid_credentials | Access Keys
s3_compatible | put | 401 | | invalid_credentials |
google_gcs | put | 400 invalid_grant | Invalid JWT Signature. | invalid_credentials | service_account_json
google_gcs | put | 400 invalid_grant | Invalid grant: account not found | invalid_credentials |
google_gcs | put | 401 required | Login Required | invalid_credentials |
google_gcs | put | 401 authError | Invalid Credentials | invalid_credentials |
google_gcs | put | ERR_OSSL_UNSUPPORTED | | invalid_credentials | private key in service_account_json cannot be read
azure_blob | put | 403 AuthenticationFailed | | invalid_credentials | account_key
azure_blob | put | 401 NoAuthenticationInformation | | invalid_credentials |
azure_blob | put | 401 InvalidAuthenticationInfo | | invalid_credentials |
azure_blob | put | 403 AuthorizationFailure | Server failed to authenticate the request. | invalid_credentials |

s3 | put | 404 NoSuchBucket | | bucket_not_found | bucket_name; my-bucket
s3 | put | 400 InvalidBucketName | | bucket_not_found | does not allow
aws_s3 | connect | 404 | | bucket_not_found |
aws_s3 | list | 404 | | bucket_not_found |
backblaze_b2 | put | 404 NoSuchBucket | | bucket_not_found | own region
cloudflare_r2 | put | 404 NoSuchBucket | | bucket_not_found | jurisdiction
cloudflare_r2 | put | 404 10006 | | bucket_not_found |
cloudflare_r2 | put | 400 10005 | | bucket_not_found |
digitalocean_spaces | put | 404 NoSuchBucket | | bucket_not_found | own region
google_gcs | list | 404 notFound | | bucket_not_found |
google_gcs | put | 404 notFound | | bucket_not_found |
google_gcs | get | 404 notFound | The specified bucket does not exist. | bucket_not_found |
azure_blob | put | 404 ContainerNotFound | | bucket_not_found | Create the container
azure_blob | put | 409 ContainerBeingDeleted | | bucket_not_found | Wait
azure_blob | put | 400 InvalidResourceName | | bucket_not_found |
local_disk | list | ENOENT | | bucket_not_found | Create the folder
local_disk | put | ENOENT | | bucket_not_found |

s3 | get | 404 NoSuchKey | | object_not_found |
s3 | upload_part | 404 NoSuchUpload | | object_not_found | Start the upload again
aws_s3 | head | 404 | | object_not_found |
google_gcs | get | 404 notFound | No such object: b/k | object_not_found |
azure_blob | get | 404 BlobNotFound | | object_not_found |
local_disk | get | ENOENT | | object_not_found |

aws_s3 | put | 403 AccessDenied | User: x is not authorized to perform: s3:PutObjectAcl on y | access_denied | Grant s3:PutObjectAcl on arn:aws:s3:::my-bucket/*
aws_s3 | list | 403 AccessDenied | | access_denied | Grant s3:ListBucket on arn:aws:s3:::my-bucket to
aws_s3 | put | 403 AccessDenied | | access_denied | Grant s3:PutObject on arn:aws:s3:::my-bucket/* to
aws_s3 | get | 403 AccessDenied | | access_denied | s3:GetObject
aws_s3 | delete | 403 AccessDenied | | access_denied | s3:DeleteObject
aws_s3 | abort_multipart | 403 AccessDenied | | access_denied | s3:AbortMultipartUpload
aws_s3 | list_multipart | 403 AccessDenied | | access_denied | s3:ListBucketMultipartUploads
aws_s3 | put | 405 MethodNotAllowed | | access_denied | Object Lock
aws_s3 | put | 400 KMS.DisabledException | | access_denied | kms:GenerateDataKey
aws_s3 | put | 403 AccessDenied | x is not authorized to perform: kms:GenerateDataKey on y | access_denied | KMS key of bucket
s3_compatible | put | 403 | | access_denied | s3:PutObject
backblaze_b2 | put | 403 AccessDenied | | access_denied | capability writeFiles
backblaze_b2 | list | 403 AccessDenied | | access_denied | capability listFiles
backblaze_b2 | connect | 403 AccessDenied | | access_denied | capability listBuckets
backblaze_b2 | get | 403 AccessDenied | | access_denied | capability readFiles
backblaze_b2 | delete | 401 unauthorized | for application key with capabilities 'readFiles' | access_denied | capability deleteFiles
cloudflare_r2 | put | 403 AccessDenied | | access_denied | Object Read & Write; up to a minute
cloudflare_r2 | get | 403 10003 | | access_denied | Object Read
cloudflare_r2 | put | 403 ObjectLockedByBucketPolicy | | access_denied | protected
cloudflare_r2 | put | 403 10069 | | access_denied | protected
digitalocean_spaces | put | 403 AccessDenied | | access_denied | Spaces access key
google_gcs | put | 403 forbidden | x does not have storage.objects.create access to y. | access_denied | Grant storage.objects.create on bucket "my-bucket"
google_gcs | delete | 403 forbidden | | access_denied | storage.objects.delete
azure_blob | put | 403 AuthorizationPermissionMismatch | | access_denied | blobs/write
azure_blob | get | 403 AuthorizationFailure | This request is not authorized | access_denied | blobs/read; network rules
azure_blob | put | 403 InsufficientAccountPermissions | | access_denied |
azure_blob | put | 403 AuthorizationSourceIPMismatch | | access_denied | address
azure_blob | put | 403 AuthorizationProtocolMismatch | | access_denied |
azure_blob | put | 403 AuthorizationResourceTypeMismatch | | access_denied |
azure_blob | put | 403 AuthorizationServiceMismatch | | access_denied |
azure_blob | delete | 409 BlobImmutableDueToPolicy | | access_denied | retention policy
local_disk | put | EACCES | | access_denied | Let the user that runs Stowage write
local_disk | get | EPERM | | access_denied | Let the user that runs Stowage read

s3 | put | 301 PermanentRedirect | | wrong_region |
s3 | put | 307 TemporaryRedirect | | wrong_region |
s3 | head | 301 | | wrong_region |
aws_s3 | put | 400 AuthorizationHeaderMalformed | the region 'us-east-1' is wrong; expecting 'eu-west-1' | wrong_region | Set region to eu-west-1.
aws_s3 | put | 400 IllegalLocationConstraintException | | wrong_region |
cloudflare_r2 | put | 400 InvalidRegionName | | wrong_region | Set region to auto

net | put | ENOTFOUND | | endpoint_unreachable + | host name
net | put | EAI_AGAIN | | endpoint_unreachable + | could not be resolved
net | put | ECONNREFUSED | | endpoint_unreachable + | No server answers
net | put | EHOSTUNREACH | | endpoint_unreachable + |
net | put | ECONNRESET | | endpoint_unreachable + | broke
net | put | UND_ERR_SOCKET | | endpoint_unreachable + |
net | put | ETIMEDOUT | | endpoint_unreachable + | in time
net | put | TimeoutError | | endpoint_unreachable + |
net | put | UND_ERR_CONNECT_TIMEOUT | | endpoint_unreachable + |
net | put | UND_ERR_HEADERS_TIMEOUT | | endpoint_unreachable + |
net | put | UND_ERR_BODY_TIMEOUT | | endpoint_unreachable + |
net | put | EPROTO | | endpoint_unreachable | TLS; EPROTO
net | put | CERT_HAS_EXPIRED | | endpoint_unreachable | TLS; certificate; CERT_HAS_EXPIRED
net | put | DEPTH_ZERO_SELF_SIGNED_CERT | | endpoint_unreachable | certificate
net | put | SELF_SIGNED_CERT_IN_CHAIN | | endpoint_unreachable | certificate
net | put | UNABLE_TO_VERIFY_LEAF_SIGNATURE | | endpoint_unreachable | certificate
net | put | ERR_TLS_CERT_ALTNAME_INVALID | | endpoint_unreachable | certificate
net | put | ERR_SSL_WRONG_VERSION_NUMBER | | endpoint_unreachable | scheme and port
net | put | HPE_INVALID_CONSTANT | | endpoint_unreachable | proxy
net | list | 200 html | | endpoint_unreachable | this address answers but is not
net | list | 404 html | | endpoint_unreachable | web page
net | list | 502 html | | endpoint_unreachable + |
s3 | list | 200 html | | endpoint_unreachable | is not an S3 service
cloudflare_r2 | put | ENOTFOUND | | endpoint_unreachable + | account_id
azure_blob | put | ENOTFOUND | | endpoint_unreachable + | account name
s3_compatible | put | ENOTFOUND | | endpoint_unreachable + | host name in endpoint
google_gcs | put | 302 | | endpoint_unreachable |
local_disk | put | EROFS | | endpoint_unreachable | read-only
local_disk | put | EIO | | endpoint_unreachable | failing

s3 | put | 403 RequestTimeTooSkewed | | clock_skew | NTP
aws_s3 | get | 403 AccessDenied | Request has expired | clock_skew |
cloudflare_r2 | put | 400 ExpiredRequest | | clock_skew |
cloudflare_r2 | put | 400 10018 | | clock_skew |
google_gcs | put | 400 invalid_grant | Token must be a short-lived token (60 minutes) and in a reasonable timeframe | clock_skew |
azure_blob | put | 403 AuthenticationFailed | Request date header too old | clock_skew |
azure_blob | put | 403 AuthenticationFailed | Signature not valid in the specified time frame | clock_skew |

s3 | put | 503 SlowDown | | storage_rate_limited + | fewer requests
s3 | put | 503 ServiceUnavailable | | storage_rate_limited + |
s3 | put | 400 RequestTimeout | | storage_rate_limited + |
s3 | put | 500 InternalError | | storage_rate_limited + | could not serve
s3 | put | 429 | | storage_rate_limited + |
backblaze_b2 | put | 429 too_many_requests | | storage_rate_limited + |
cloudflare_r2 | put | 429 TooManyRequests | | storage_rate_limited + |
cloudflare_r2 | put | 429 10058 | | storage_rate_limited + |
cloudflare_r2 | put | 503 10043 | | storage_rate_limited + |
cloudflare_r2 | put | 500 10001 | | storage_rate_limited + |
google_gcs | put | 429 rateLimitExceeded | | storage_rate_limited + |
google_gcs | put | 403 userRateLimitExceeded | | storage_rate_limited + |
google_gcs | put | 403 rateLimitExceeded | | storage_rate_limited + |
google_gcs | put | 408 | | storage_rate_limited + |
google_gcs | put | 503 backendError | | storage_rate_limited + |
google_gcs | put | 500 internalError | | storage_rate_limited + |
azure_blob | put | 503 ServerBusy | | storage_rate_limited + |
azure_blob | put | 500 OperationTimedOut | | storage_rate_limited + |
azure_blob | put | 500 InternalError | | storage_rate_limited + |

aws_s3 | put | 403 AccountProblem | | quota_or_billing | Billing
aws_s3 | put | 403 NotSignedUp | | quota_or_billing |
aws_s3 | put | 403 AllAccessDisabled | | quota_or_billing |
backblaze_b2 | put | 403 storage_cap_exceeded | | quota_or_billing | Caps & Alerts
backblaze_b2 | put | 403 transaction_cap_exceeded | | quota_or_billing | Caps & Alerts
backblaze_b2 | get | 403 download_cap_exceeded | | quota_or_billing | Caps & Alerts
backblaze_b2 | put | 403 AccessDenied | Transaction cap exceeded, see the Caps & Alerts page | quota_or_billing |
cloudflare_r2 | put | 403 NotEntitled | | quota_or_billing | Enable R2
cloudflare_r2 | put | 403 10042 | | quota_or_billing |
digitalocean_spaces | put | 403 QuotaExceeded | | quota_or_billing |
s3_compatible | put | 403 UserSuspended | | quota_or_billing |
google_gcs | put | 403 accountDisabled | | quota_or_billing | billing
google_gcs | put | 403 quotaExceeded | | quota_or_billing |
google_gcs | put | 403 UserProjectAccountProblem | | quota_or_billing |
azure_blob | put | 403 AccountIsDisabled | | quota_or_billing | subscription
local_disk | put | ENOSPC | | quota_or_billing | Free space
local_disk | put | EDQUOT | | quota_or_billing |

s3 | put | 412 PreconditionFailed | | conflict |
s3 | put | 412 | | conflict |
aws_s3 | put | 409 ConditionalRequestConflict | | conflict + |
aws_s3 | put | 409 OperationAborted | | conflict |
cloudflare_r2 | put | 412 10031 | | conflict |
google_gcs | put | 412 conditionNotMet | | conflict |
azure_blob | put | 409 BlobAlreadyExists | | conflict |
azure_blob | put | 412 ConditionNotMet | | conflict |
local_disk | put | EEXIST | | conflict |

s3 | put | 400 BadDigest | | integrity + |
s3 | put | 400 XAmzContentSHA256Mismatch | | integrity + |
s3 | put | 400 IncompleteBody | | integrity + |
s3 | put | 400 InvalidDigest | | integrity | fault of Stowage
s3 | complete_multipart | 400 EntityTooSmall | | integrity | wrong size
s3 | complete_multipart | 400 InvalidPart | | integrity |
s3 | complete_multipart | 400 InvalidPartOrder | | integrity |
backblaze_b2 | put | 400 InvalidArgument | Unsupported header 'x-amz-checksum-sha256' received | integrity | fault of Stowage
cloudflare_r2 | put | 400 10037 | | integrity + |
cloudflare_r2 | put | 400 10013 | | integrity + |
cloudflare_r2 | put | 400 10025 | | integrity |
cloudflare_r2 | complete_multipart | 400 10048 | | integrity | wrong size
digitalocean_spaces | put | 400 InvalidArgument | Unsupported content encoding: aws-chunked | integrity | fault of Stowage
google_gcs | put | 400 invalid | Provided MD5 hash "x" does not match | integrity + |
google_gcs | put | 400 invalid | Provided CRC32C doesn't match | integrity + |
azure_blob | put | 400 Md5Mismatch | | integrity + |
azure_blob | put | 400 Crc64Mismatch | | integrity + |
azure_blob | put | 400 InvalidBlobOrBlock | | integrity |
azure_blob | put | 400 InvalidBlockList | | integrity |

net | put | AbortError | | aborted |
local_disk | put | AbortError | | aborted |
net | put | 400 NeverHeardOf | | provider_error | NeverHeardOf
net | put | 403 NeverHeardOf | | provider_error | NeverHeardOf
net | put | 503 NeverHeardOf | | provider_error + | NeverHeardOf
net | get | 416 | | provider_error | range lies outside
net | put | EWEIRD | | provider_error | EWEIRD
s3 | get | 416 InvalidRange | | provider_error | range lies outside
backblaze_b2 | put | 501 NotImplemented | | provider_error | Run the connection test again
cloudflare_r2 | put | 400 InvalidArgument | nothing known | provider_error | InvalidArgument
google_gcs | put | 400 invalid | Invalid argument | provider_error |
google_gcs | get | 416 requestedRangeNotSatisfiable | | provider_error | range lies outside
azure_blob | get | 416 InvalidRange | | provider_error | range lies outside
aws_s3 | put | 400 KeyTooLongError | | provider_error | object name
local_disk | put | ENAMETOOLONG | | provider_error | object name
`;

interface Row {
  readonly title: string;
  readonly failure: ProviderFailure;
  readonly category: StorageErrorCode;
  readonly retryable: boolean;
  readonly words: readonly string[];
}

function rowsOf(line: string): Row[] {
  const [who = '', operation = '', what = '', message = '', category = '', words = ''] = line
    .split('|')
    .map((cell) => cell.trim());
  const [first = '', second] = what.split(' ');
  const isStatus = /^\d{3}$/.test(first);
  return providersOf(who).map((provider) => ({
    title: `${provider} ${operation}: ${what} ${message}`,
    failure: {
      provider,
      operation: operation as StorageOperation,
      bucket: 'my-bucket',
      nowMs: NOW_MS,
      errno: isStatus ? undefined : first,
      httpStatus: isStatus ? Number(first) : undefined,
      code: second === 'html' ? undefined : second,
      message,
      bodyIsExpectedShape: second === undefined ? undefined : second !== 'html',
    },
    category: category.split(' ')[0] as StorageErrorCode,
    retryable: category.endsWith('+'),
    words: words.split(';').map((word) => word.trim()),
  }));
}

function providersOf(name: string): readonly ProviderName[] {
  const isS3 = (provider: ProviderName) => !['google_gcs', 'azure_blob', 'local_disk'].includes(provider);
  if (name === 's3') return PROVIDER_NAMES.filter(isS3);
  if (name === 'net') return PROVIDER_NAMES.filter((provider) => provider !== 'local_disk');
  return [name as ProviderName];
}

const TABLE = ROWS.split('\n')
  .filter((line) => line !== '')
  .flatMap(rowsOf);

describe('the table of failures', () => {
  it('has every category and every provider', () => {
    expect(TABLE.length).toBeGreaterThanOrEqual(100);
    expect(new Set(TABLE.map(({ category }) => category))).toEqual(new Set(STORAGE_ERROR_CODES));
    expect(new Set(TABLE.map(({ failure }) => failure.provider))).toEqual(new Set(PROVIDER_NAMES));
  });

  it.each(TABLE)('$title is $category', ({ failure, category, retryable, words }) => {
    const error = classify(failure);
    expect(error).toMatchObject({ code: category, retryable, operation: failure.operation });
    const told = [error.message, error.hint].join(' ');
    for (const word of words) expect(told).toContain(word);
    expect(told).not.toMatch(/[{}]|undefined|NaN/);
  });
});

describe('classify', () => {
  const failure: ProviderFailure = {
    provider: 'aws_s3',
    operation: 'put',
    bucket: 'my-bucket',
    nowMs: NOW_MS,
  };

  it("reads the bucket's true region from the answer, unless it is no region", () => {
    const redirect = (region: string) =>
      classify({
        ...failure,
        httpStatus: 301,
        bodyIsExpectedShape: false,
        headers: { 'x-amz-bucket-region': region },
      });
    expect(redirect('sa-east-1')).toMatchObject({ code: 'wrong_region', hint: 'Set region to sa-east-1.' });
    expect(redirect('evil.example/#')).toMatchObject({ code: 'wrong_region' });
    expect(redirect('evil.example/#').hint).not.toContain('evil');
  });

  it.each([
    ['aws_s3', 400, 'InvalidToken', '06:00', 'clock_skew'],
    ['azure_blob', 403, 'AuthenticationFailed', '06:00', 'clock_skew'],
    ['google_gcs', 401, 'authError', '07:00', 'clock_skew'],
    ['aws_s3', 403, 'InvalidAccessKeyId', '06:26', 'invalid_credentials'],
    ['aws_s3', 503, 'SlowDown', '06:00', 'storage_rate_limited'],
  ] as const)('%s: status %i, %s at %s is %s', (provider, httpStatus, code, time, category) => {
    const headers = { date: `Sun, 22 Nov 2026 ${time}:00 GMT` };
    expect(classify({ ...failure, provider, httpStatus, code, headers }).code).toBe(category);
  });

  it('does not take an unreadable date for a wrong clock', () => {
    const headers = { date: 'rubbish' };
    expect(classify({ ...failure, httpStatus: 403, code: 'InvalidAccessKeyId', headers }).code).toBe(
      'invalid_credentials',
    );
  });

  it.each([
    ['3', 3_000],
    ['0', 1_000],
    ['-5', 1_000],
    ['999999999', 300_000],
    ['Sun, 22 Nov 2026 06:30:10 GMT', 10_000],
    ['Sun, 22 Nov 2020 06:30:10 GMT', 1_000],
    ['soon', undefined],
    ['9'.repeat(100), undefined],
  ])('reads Retry-After %s as %s ms', (value, retryAfterMs) => {
    const headers = { 'retry-after': value };
    expect(classify({ ...failure, httpStatus: 503, code: 'SlowDown', headers }).retryAfterMs).toBe(
      retryAfterMs,
    );
    expect(
      classify({ ...failure, httpStatus: 403, code: 'AccessDenied', headers }).retryAfterMs,
    ).toBeUndefined();
  });

  it("tells the request id, but nothing of the provider's text", () => {
    const secret = 'wJalrXUtnFEMI';
    const cause = Object.assign(new Error(secret), {
      code: 'X',
      StringToSign: secret,
      $response: { body: secret },
    });
    const error = classify({
      ...failure,
      httpStatus: 403,
      code: 'SignatureDoesNotMatch',
      message: `StringToSign ${secret}`,
      headers: { 'x-amz-request-id': 'TX01' },
      cause,
    });
    expect(error.requestId).toBe('TX01');
    const parts = [error.message, error.hint, error.stack, error.cause, (error.cause as Error).stack];
    expect(parts.map((part) => JSON.stringify(part) + String(part)).join()).not.toContain(secret);
    expect(Object.keys(error.cause as Error)).toEqual([]);
  });

  it.each(['<script>', 'a b', 'x'.repeat(81), 'line\nbreak'])('does not repeat the odd code %j', (code) => {
    const error = classify({ ...failure, httpStatus: 400, code });
    expect(error.providerCode).toBeUndefined();
    expect(error.message).not.toContain(code);
  });

  it('leaves a StorageError among the causes as it is, e.g. the refusal of the dialer', () => {
    const details = { operation: 'connect', hint: 'ask', retryable: false } as const;
    const refusal = new StorageError('endpoint_unreachable', 'not allowed', details);
    const cause = new Error('connect failed', { cause: refusal });
    expect(classify({ ...failure, errno: 'ECONNRESET', cause })).toBe(refusal);
  });

  it('does not lose itself in circular causes', () => {
    const cause = new Error('round');
    cause.cause = cause;
    expect(classify({ ...failure, errno: 'ECONNRESET', cause }).code).toBe('endpoint_unreachable');
  });
});
