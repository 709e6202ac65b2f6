import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuthenticatedRequest } from '../../auth/access.decorators.js';
import { RequestError, validationFailed } from '../../errors/request-errors.js';
import { pathOf } from '../request-log.js';
import { fingerprintOf } from './fingerprint.js';
import { IdempotencyRuns } from './idempotency-runs.service.js';

const METHODS = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
const KEY_PATTERN = /^[\x21-\x7e]{1,255}$/;
const RETRY_AFTER_MS = 1_000;

/**
 * The last guard: claims the Idempotency-Key of a request that may run, or answers in its place. It costs requests
 * without the header nothing. docs/requests.md says what is promised.
 */
@Injectable()
export class IdempotencyGuard implements CanActivate {
  constructor(private readonly runs: IdempotencyRuns) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest & Partial<AuthenticatedRequest>>();
    const key = request.headers['idempotency-key'];
    if (key === undefined || !METHODS.has(request.method) || !request.principal) return true;
    return this.claim(request as AuthenticatedRequest, http.getResponse<FastifyReply>(), key.toString());
  }

  /** @throws RequestError `idempotency_key_reused`, `idempotency_in_progress`; ReplayedAnswer when it is known */
  private async claim(request: AuthenticatedRequest, reply: FastifyReply, key: string): Promise<true> {
    if (!KEY_PATTERN.test(key)) throw invalidKey();
    const { principal, method, query, headers, body } = request;
    const fingerprint = fingerprintOf({
      method,
      path: pathOf(request),
      query,
      apiKeyId: principal.apiKeyId,
      headers,
      body,
    });
    const outcome = await this.runs.begin(request, reply, key, fingerprint);
    switch (outcome) {
      case 'running':
        return true;
      case 'in_progress':
        throw new RequestError(
          'idempotency_in_progress',
          'A request with this Idempotency-Key is still running. Repeat this one in a moment.',
          { retryable: true, retryAfterMs: RETRY_AFTER_MS },
        );
      case 'other_request':
        throw new RequestError(
          'idempotency_key_reused',
          'This Idempotency-Key belongs to another request. Use a new one for each operation.',
        );
    }
  }
}

function invalidKey(): RequestError {
  return validationFailed([
    { pointer: 'Idempotency-Key', detail: 'must be 1 to 255 visible ASCII characters', code: 'matches' },
  ]);
}
