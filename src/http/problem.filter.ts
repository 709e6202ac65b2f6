import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RequestError } from '../errors/request-errors.js';
import { describeError } from '../telemetry/describe-error.js';
import type { Log } from '../telemetry/log.js';
import { allowedMethods, type RouteTable } from './allowed-methods.js';
import { ReplayedAnswer } from './idempotency/replayed-answer.js';
import { isUnforeseen, problemKindOf, problemOf } from './problem.js';
import type { RateLimiter } from './rate-limits/rate-limiter.js';
import { addressSubject, limitHeaders, rateLimited } from './rate-limits/rate-limit-answers.js';
import { type ObservedRequest, pathOf } from './request-log.js';
import { seedMembers } from './seed-shapes.js';

/** Turns every error into its one answer; what nobody foresaw is logged with what may be logged of it. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly log: Log,
    private readonly limiter: RateLimiter,
    private readonly routes: RouteTable,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<ObservedRequest>();
    const reply = http.getResponse<FastifyReply>();
    if (reply.sent || reply.raw.headersSent) return this.breakOff(thrown, reply);
    if (thrown instanceof ReplayedAnswer) return thrown.sendOn(reply);
    const error = this.refine(thrown, request, reply);
    const { headers, body } = problemOf(error, { path: pathOf(request), requestId: request.id });
    request.problemCode = body.code;
    if (isUnforeseen(error)) this.log.error({ error: describeError(error) }, 'request failed');
    const answer = { ...body, ...seedMembers(request.method, body.instance, body) };
    void reply.code(body.status).headers(headers).send(JSON.stringify(answer));
  }

  /** Part of an answer is out already: only a broken connection tells the client that the rest is missing. */
  private breakOff(error: unknown, reply: FastifyReply): void {
    this.log.error({ error: describeError(error) }, 'answer broken off');
    reply.raw.destroy();
  }

  /** A wrong key counts against the address, and an unknown path may be a known one with another method. */
  private refine(error: unknown, request: FastifyRequest, reply: FastifyReply): unknown {
    const { status } = problemKindOf(error);
    if (status === 401 || (status === 404 && request.is404)) {
      const verdict = this.limiter.count(addressSubject(request.ip), 'address');
      void reply.headers(limitHeaders(verdict));
      if (!verdict.allowed) return rateLimited(verdict);
    }
    if (error instanceof HttpException && request.is404) {
      const methods = allowedMethods(this.routes, pathOf(request));
      if (methods.length > 0 && !methods.includes(request.method)) {
        void reply.header('allow', methods.join(', '));
        return new RequestError(
          'method_not_allowed',
          `${request.method} is not possible here; ${methods.join(', ')} is.`,
        );
      }
    }
    return error;
  }
}
