import type { OpenAPIObject } from '@nestjs/swagger';
import { type ErrorCode, problemKind, PROBLEMS } from '../problem-catalogue.js';
import type { ProblemKind } from '../problem-kind.js';

type Responses = NonNullable<OpenAPIObject['paths'][string]['get']>['responses'];
type Parameter = NonNullable<NonNullable<OpenAPIObject['components']>['parameters']>[string];

export const IDEMPOTENCY_KEY = 'IdempotencyKey';

export const IDEMPOTENCY_PARAMETER: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Drawn by the client for one operation, e.g. a UUID, and sent again with each retry of it: the operation takes ' +
    'effect once, and a retry gets the first answer with `Idempotency-Replayed: true`. Kept for 24 hours.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
  example: 'a3f1c2d4-7d1e-4b7a-9a43-6b1c0f0f3f10',
};

export interface OperationTraits {
  /** What the route itself declares with @ApiProblems. */
  readonly codes: readonly string[];
  readonly isPublic: boolean;
  readonly isLimited: boolean;
  readonly isIdempotent: boolean;
  readonly takesInput: boolean;
}

/** Answers that many operations share, under `components.responses`. */
const SHARED: Readonly<Record<string, readonly ErrorCode[]>> = {
  ValidationFailed: ['validation_failed'],
  Unauthenticated: ['unauthenticated', 'key_expired'],
  Forbidden: ['forbidden'],
  IdempotencyInProgress: ['idempotency_in_progress'],
  IdempotencyKeyReused: ['idempotency_key_reused'],
  RateLimited: ['rate_limited'],
  InternalError: ['internal_error'],
  ServiceUnavailable: ['service_unavailable'],
};

export function sharedResponses(): Record<string, ReturnType<typeof responseOf>> {
  return Object.fromEntries(
    Object.entries(SHARED).map(([name, codes]) => [name, responseOf(codes.map(kindOf))]),
  );
}

/** One of each code, under `components.examples`; only those that some operation refers to. */
export function exampleProblems(isUsed: (code: string) => boolean): Record<string, { value: object }> {
  const used = Object.entries(PROBLEMS).filter(([code]) => isUsed(code));
  return Object.fromEntries(used.map(([code, kind]) => [code, { value: exampleOf(code, kind) }]));
}

/** The error answers of an operation, one entry a status, each naming its codes and showing an example of each. */
export function problemResponses({
  codes,
  isPublic,
  isLimited,
  isIdempotent,
  takesInput,
}: OperationTraits): Responses {
  const all = new Set([
    ...(takesInput ? ['validation_failed'] : []),
    ...(isPublic ? [] : ['unauthenticated', 'key_expired', 'forbidden']),
    ...(isIdempotent ? ['idempotency_in_progress', 'idempotency_key_reused'] : []),
    ...(isLimited ? ['rate_limited'] : []),
    'internal_error',
    'service_unavailable',
    ...codes,
  ]);
  const byStatus = new Map<number, [string, ProblemKind][]>();
  for (const [code, kind] of [...all].map(kindOf)) {
    byStatus.set(kind.status, [...(byStatus.get(kind.status) ?? []), [code, kind]]);
  }
  return Object.fromEntries([...byStatus].map(([status, kinds]) => [String(status), sharedOr(kinds)]));
}

function kindOf(code: string): [string, ProblemKind] {
  const kind = problemKind(code);
  if (kind) return [code, kind];
  throw new Error(`@ApiProblems names the code ${code}, which src/http/problem-catalogue.ts does not have.`);
}

function sharedOr(kinds: readonly [string, ProblemKind][]) {
  const codes = kinds.map(([code]) => code).join();
  const name = Object.keys(SHARED).find((candidate) => SHARED[candidate]!.join() === codes);
  return name ? { $ref: `#/components/responses/${name}` } : responseOf(kinds);
}

function responseOf(kinds: readonly [string, ProblemKind][]) {
  return {
    description: kinds.map(([code, kind]) => `\`${code}\`: ${kind.meaning}`).join('\n\n'),
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(
          kinds.map(([code]) => [code, { $ref: `#/components/examples/${code}` }]),
        ),
      },
    },
  };
}

function exampleOf(code: string, { status, title, meaning }: ProblemKind) {
  return {
    type: `/docs/errors#${code}`,
    title,
    status,
    detail: meaning,
    instance: '/api/v1/example',
    code,
    request_id: '3f2c8f0e-5f0b-4b7e-9f43-0d8f6a1d9a10',
    retryable: status === 429 || status >= 500,
  };
}
