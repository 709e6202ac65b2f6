import { isNativeError } from 'node:util/types';
import {
  isTransientStatus,
  localDiskVerdict,
  statusVerdict,
  transportVerdict,
  type Verdict,
} from './classify-codes.js';
import { azureDialect, gcsDialect, s3Dialect, type Dialect } from './classify-dialects.js';
import { permissionFor } from './classify-permissions.js';
import { wordsFor } from './classify-words.js';
import type { ProviderFailure } from './provider-failure.js';
import { StorageError } from './storage-errors.js';
import type { ProviderName } from './storage-provider.js';

/**
 * Turns any provider's failure into one StorageError. The first rule that knows the answer wins: no HTTP answer,
 * not the provider's format, clocks apart, the exact code, the status. An unknown code stays `provider_error`
 * with that code. A StorageError among the causes (the dialer's refusal) is answered as it is.
 */
export function classify(failure: ProviderFailure): StorageError {
  const known = storageErrorAmong(failure.cause);
  if (known !== undefined) return known;
  const verdict = verdictOn(failure);
  const permission =
    verdict.code === 'access_denied'
      ? (verdict.permission ?? permissionFor(failure.provider, failure.operation))
      : undefined;
  const { sentence, hint } = wordsFor({ ...verdict, permission }, failure);
  const retryable = verdict.retryable ?? false;
  return new StorageError(verdict.code, sentence, {
    operation: failure.operation,
    permission,
    hint,
    retryable,
    retryAfterMs: retryable ? retryAfterMs(failure) : undefined,
    providerCode: providerCodeOf(failure, verdict),
    httpStatus: failure.httpStatus,
    requestId: requestIdOf(failure.headers),
    cause: bareCause(failure.cause),
  });
}

/** Longest accepted distance between the provider's clock and ours, in milliseconds. */
export const MAX_CLOCK_SKEW_MS = 5 * 60_000;
const MIN_RETRY_AFTER_MS = 1_000;
const MAX_RETRY_AFTER_MS = 5 * 60_000;
/** Longest part of a provider's message that any pattern reads. */
const MAX_MESSAGE_CHARACTERS = 2_048;

function verdictOn(failure: ProviderFailure): Verdict {
  return (
    withoutAnswer(failure) ??
    notTheService(failure) ??
    clocksApart(failure) ??
    (failure.code ? knownCode(failure, failure.code) : undefined) ??
    byStatus(failure)
  );
}

function withoutAnswer({ provider, operation, errno, httpStatus }: ProviderFailure): Verdict | undefined {
  const gotAnError = httpStatus !== undefined && httpStatus >= 300;
  if (!errno || gotAnError) return undefined;
  if (provider === 'local_disk') return localDiskVerdict(errno, operation) ?? transportVerdict(errno);
  if (provider === 'google_gcs' && errno.startsWith('ERR_OSSL_')) {
    return { code: 'invalid_credentials', nuance: 'unreadable_key' };
  }
  const hostNamesAccount = provider === 'azure_blob' || provider === 'cloudflare_r2';
  if (errno === 'ENOTFOUND' && hostNamesAccount) {
    return { code: 'endpoint_unreachable', nuance: 'account_dns', retryable: true };
  }
  return transportVerdict(errno);
}

function notTheService({ bodyIsExpectedShape, headers, httpStatus }: ProviderFailure): Verdict | undefined {
  if (bodyIsExpectedShape !== false || headers?.['x-amz-bucket-region'] !== undefined) return undefined;
  return {
    code: 'endpoint_unreachable',
    nuance: 'not_the_service',
    retryable: isTransientStatus(httpStatus),
  };
}

/** Wins over credentials: Azure and GCS report a wrong clock as a failed authentication. */
function clocksApart({ headers, nowMs, httpStatus }: ProviderFailure): Verdict | undefined {
  const mayBeAboutTime = httpStatus === 400 || httpStatus === 401 || httpStatus === 403;
  if (!mayBeAboutTime || nowMs === undefined || !headers?.date) return undefined;
  const providerMs = Date.parse(headers.date.slice(0, 64));
  return Math.abs(providerMs - nowMs) > MAX_CLOCK_SKEW_MS ? { code: 'clock_skew' } : undefined;
}

function knownCode(failure: ProviderFailure, code: string): Verdict {
  const message = (failure.message ?? '').slice(0, MAX_MESSAGE_CHARACTERS);
  const verdict = dialectOf(failure.provider)(code, message, failure.operation);
  if (verdict?.code === 'wrong_region') return atRegion(failure, verdict);
  return verdict ?? unknownCode(failure);
}

function dialectOf(provider: ProviderName): Dialect {
  if (provider === 'google_gcs') return gcsDialect;
  return provider === 'azure_blob' ? azureDialect : s3Dialect;
}

function byStatus(failure: ProviderFailure): Verdict {
  const { httpStatus, operation, provider } = failure;
  if (httpStatus === undefined || httpStatus < 300) return { code: 'provider_error' };
  const isS3 = provider !== 'google_gcs' && provider !== 'azure_blob' && provider !== 'local_disk';
  const verdict = statusVerdict(httpStatus, operation, isS3);
  return verdict.code === 'wrong_region' ? atRegion(failure, verdict) : verdict;
}

function unknownCode({ httpStatus }: ProviderFailure): Verdict {
  return httpStatus === 416
    ? { code: 'provider_error', nuance: 'bad_range' }
    : { code: 'provider_error', retryable: isTransientStatus(httpStatus) };
}

/** Names the bucket's true region when the answer does. */
function atRegion({ headers }: ProviderFailure, verdict: Verdict): Verdict {
  const header = headers?.['x-amz-bucket-region'];
  const region = verdict.region ?? (header && /^[a-z0-9-]{1,32}$/.test(header) ? header : undefined);
  return region ? { ...verdict, region, nuance: 'known_region' } : verdict;
}

/** `Retry-After` in seconds or as a date, clamped so that no provider can park us for ever. */
function retryAfterMs({ headers, nowMs }: ProviderFailure): number | undefined {
  const value = headers?.['retry-after']?.trim();
  if (!value || value.length > 64) return undefined;
  const asked = /^-?\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - (nowMs ?? NaN);
  return Number.isNaN(asked) ? undefined : Math.min(Math.max(asked, MIN_RETRY_AFTER_MS), MAX_RETRY_AFTER_MS);
}

function providerCodeOf({ code, errno }: ProviderFailure, verdict: Verdict): string | undefined {
  if (verdict.nuance === 'bad_range') return 'InvalidRange';
  const shown =
    code || errno || (verdict.nuance === 'not_the_service' ? 'PROVIDER_PROTOCOL_ERROR' : undefined);
  return shown !== undefined && /^[\w.:-]{1,80}$/.test(shown) ? shown : undefined;
}

const REQUEST_ID_HEADERS = ['x-amz-request-id', 'x-ms-request-id', 'x-guploader-uploadid', 'cf-ray'];

function requestIdOf(headers: ProviderFailure['headers']): string | undefined {
  const id = REQUEST_ID_HEADERS.map((name) => headers?.[name]).find((value) => value !== undefined);
  return id !== undefined && /^[\w.:/+=-]{1,128}$/.test(id) ? id : undefined;
}

/** Causes deeper than this are not looked at: a hostile or cyclic chain must end. */
const MAX_CAUSES = 5;

function storageErrorAmong(cause: unknown): StorageError | undefined {
  let error = cause;
  for (let depth = 0; depth < MAX_CAUSES && isNativeError(error); depth += 1) {
    if (error instanceof StorageError) return error;
    error = error.cause;
  }
  return undefined;
}

/** SDK errors carry keys, signed strings and whole requests: only the name, the code and the stack go on. */
function bareCause(cause: unknown): Error | undefined {
  if (!isNativeError(cause)) return undefined;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const bare = new Error([cause.name, code].filter((word) => /^[\w.:-]{1,80}$/.test(word)).join(' '));
  const frames = (cause.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  bare.stack = [`Error: ${bare.message}`, ...frames].join('\n');
  return bare;
}
