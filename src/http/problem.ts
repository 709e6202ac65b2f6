import { HttpException } from '@nestjs/common';
import { isConnectionLoss } from '../database/connection-loss.js';
import { databaseTooSlow, isTimeout } from '../database/statements.js';
import { RequestError } from '../errors/request-errors.js';
import { StowageError } from '../errors/stowage-error.js';
import type { Problem } from '../rest/problem.dto.js';
import { RepositoryError } from '../snapshot-engine/index.js';
import { StorageError } from '../storage-providers/storage-errors.js';
import { type ErrorCode, problemKind, PROBLEMS } from './problem-catalogue.js';
import type { ProblemKind } from './problem-kind.js';

export interface ProblemAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Problem;
}

/** The part of a request that its problem names. */
export interface ProblemRequest {
  readonly path: string;
  readonly requestId: string;
}

type KnownError = StowageError | StorageError | RepositoryError;

/** Of a repository: what passes by itself. */
const PASSING_CODES: ReadonlySet<string> = new Set(['repository_locked', 'cancelled']);

/**
 * RFC 9457 problem details of any error. Only the sentences of our own errors are shown; what others wrote may
 * quote a query, a credential or a piece of the body.
 */
export function problemOf(error: unknown, request: ProblemRequest): ProblemAnswer {
  const known = toKnownError(error);
  const code = known.code as ErrorCode;
  const kind = PROBLEMS[code];
  const body: Problem = {
    type: `/docs/errors#${code}`,
    title: kind.title,
    status: kind.status,
    detail: known.message,
    instance: request.path,
    code,
    request_id: request.requestId,
    retryable: isRetryable(known),
  };
  if (known instanceof StowageError && known.errors.length > 0) body.errors = [...known.errors];
  if (known instanceof StorageError) Object.assign(body, providerMembers(known));
  return { headers: headersOf(known, kind.status), body };
}

export function problemKindOf(error: unknown): ProblemKind {
  return PROBLEMS[toKnownError(error).code as ErrorCode];
}

/** Whether an error is one that nobody foresaw: it is answered without details and logged with them. */
export function isUnforeseen(error: unknown): boolean {
  return toKnownError(error).code === 'internal_error';
}

/** The error itself when it is ours and has a code of the catalogue, otherwise one that stands for it. */
function toKnownError(error: unknown): KnownError {
  if (isOurs(error) && problemKind(error.code)) return error;
  const ofDatabase = (error as { driverError?: unknown } | null)?.driverError ?? error;
  if (isConnectionLoss(ofDatabase)) return databaseUnreachable();
  if (isTimeout(ofDatabase)) return databaseTooSlow();
  const status = statusOf(error);
  const code = status === undefined ? undefined : CODE_OF_STATUS[status];
  if (code) return new RequestError(code, PROBLEMS[code].meaning);
  if (status !== undefined && status >= 400 && status < 500) {
    return new RequestError('bad_request', PROBLEMS.bad_request.meaning);
  }
  return new RequestError(
    'internal_error',
    'Something failed that should not. If it fails again, tell the operator the request_id.',
    { retryable: true },
  );
}

function isOurs(error: unknown): error is KnownError {
  return error instanceof StowageError || error instanceof StorageError || error instanceof RepositoryError;
}

function isRetryable(error: KnownError): boolean {
  return error instanceof RepositoryError ? PASSING_CODES.has(error.code) : error.retryable;
}

/** What Nest, Fastify and their plugins mean by their statuses. */
const CODE_OF_STATUS: Readonly<Record<number, RequestError['code']>> = {
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  503: 'service_unavailable',
};

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return Number.isInteger(status) ? (status as number) : undefined;
}

function databaseUnreachable(): RequestError {
  return new RequestError(
    'service_unavailable',
    'The database cannot be reached. Repeat the request in a moment.',
    {
      retryable: true,
      retryAfterMs: 5_000,
    },
  );
}

function providerMembers(error: StorageError): Pick<Problem, 'provider' | 'hint'> {
  const { operation, permission, providerCode, requestId, hint } = error;
  return {
    provider: {
      operation,
      ...(permission !== undefined && { permission }),
      ...(providerCode !== undefined && { provider_code: providerCode }),
      ...(requestId !== undefined && { request_id: requestId }),
    },
    hint,
  };
}

function headersOf(error: KnownError, status: number): Record<string, string> {
  return {
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'no-store',
    ...(!(error instanceof RepositoryError) &&
      error.retryAfterMs !== undefined && {
        'retry-after': String(Math.max(1, Math.ceil(error.retryAfterMs / 1_000))),
      }),
    ...(status === 401 && { 'www-authenticate': 'Bearer realm="stowage"' }),
  };
}
