import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply } from 'fastify';
import type { AuthenticatedRequest } from '../../auth/access.decorators.js';
import { NO_RATE_LIMIT } from '../../rest/route-options.decorators.js';
import { addressSubject, keySubject, limitHeaders, rateLimited } from './rate-limit-answers.js';
import { RateLimiter } from './rate-limiter.js';

/**
 * After the key was checked: a valid key counts for itself, whatever its address; a request without one counts for
 * its address. (Wrong keys never get here: the problem filter counts them.)
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  /** What the decorators say, by handler: reflection costs more than the counting. */
  readonly #unlimited = new WeakMap<object, boolean>();

  constructor(
    private readonly limiter: RateLimiter,
    private readonly reflector: Reflector,
  ) {}

  /** @throws RequestError `rate_limited` */
  canActivate(context: ExecutionContext): boolean {
    if (this.isUnlimited(context)) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<Partial<AuthenticatedRequest> & { ip: string }>();
    const kind = request.principal ? 'key' : 'address';
    const subject = request.principal ? keySubject(request.principal.apiKeyId) : addressSubject(request.ip);
    const verdict = this.limiter.count(subject, kind);
    void http.getResponse<FastifyReply>().headers(limitHeaders(verdict));
    if (verdict.allowed) return true;
    throw rateLimited(verdict);
  }

  private isUnlimited(context: ExecutionContext): boolean {
    const handler = context.getHandler();
    const known = this.#unlimited.get(handler);
    if (known !== undefined) return known;
    const unlimited = this.reflector.getAllAndOverride<boolean | undefined>(NO_RATE_LIMIT, [
      handler,
      context.getClass(),
    ]);
    this.#unlimited.set(handler, unlimited === true);
    return unlimited === true;
  }
}
