import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AuthenticatedRequest } from '../auth/access.decorators.js';
import { type Log, withRequestId } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

/** Set by the problem filter, so that the one line of a request also says why it failed. */
export interface ObservedRequest extends FastifyRequest {
  problemCode?: string;
}

/** Statuses for which the caller's address is worth keeping: somebody may be guessing keys. */
const ADDRESS_LOGGED = new Set([401, 403, 429]);

/**
 * One line and one measurement a request, also for requests that were broken off. No header, no query and no body
 * is logged, nor the rest of a path that is a credential itself.
 */
export function installRequestLog(fastify: FastifyInstance, log: Log, metrics: Metrics): void {
  const observe = durationObserver(metrics);
  fastify.addHook('onRequest', (request, reply, done) => {
    const startedMs = performance.now();
    const { bytesRead = 0, bytesWritten = 0 } = request.raw.socket;
    void reply.header('x-request-id', request.id);
    reply.raw.once('close', () => {
      const durationMs = performance.now() - startedMs;
      observe(request, reply, durationMs / 1_000);
      if (log.isLevelEnabled('info')) {
        const bytesIn = Number(request.headers['content-length'] ?? request.raw.socket.bytesRead - bytesRead);
        const bytesOut = request.raw.socket.bytesWritten - bytesWritten;
        log.info(
          { ...lineOf(request, reply), durationMs: Math.round(durationMs * 100) / 100, bytesIn, bytesOut },
          'request',
        );
      }
    });
    withRequestId(request.id, done);
  });
}

function lineOf(request: FastifyRequest, reply: FastifyReply): Record<string, unknown> {
  const { principal } = request as Partial<AuthenticatedRequest>;
  const status = reply.raw.statusCode;
  return {
    requestId: request.id,
    method: request.method,
    route: routeOf(request),
    path: loggedPath(pathOf(request)),
    status,
    userId: principal?.userId,
    code: (request as ObservedRequest).problemCode,
    address: ADDRESS_LOGGED.has(status) ? request.ip : undefined,
    aborted: reply.raw.writableFinished ? undefined : true,
  };
}

/** The pattern, e.g. `/api/v1/files/:id`; undefined when nothing matched. */
export function routeOf(request: FastifyRequest): string | undefined {
  return request.is404 ? undefined : request.routeOptions.url;
}

/** Whoever has such a path has what it opens: only where it leads is written down. */
const BEARER_PATH = /^(\/setup\/|\/s\/|\/api\/v1\/local-objects\/).+/;

/** The path as it may stand in a log. */
export function loggedPath(path: string): string {
  return path.replace(BEARER_PATH, '$1...');
}

/** Without the query. */
export function pathOf(request: FastifyRequest): string {
  const queryAt = request.url.indexOf('?');
  return queryAt === -1 ? request.url : request.url.slice(0, queryAt);
}

type Labels = 'method' | 'route' | 'status';

function durationObserver(
  metrics: Metrics,
): (request: FastifyRequest, reply: FastifyReply, seconds: number) => void {
  const histogram = metrics.histogram<Labels>(
    'stowage_http_request_duration_seconds',
    'Time from the headers of a request to the last byte of its answer, by route pattern and status class.',
    ['method', 'route', 'status'],
  );
  return (request, reply, seconds) => {
    const status = `${Math.floor(reply.raw.statusCode / 100)}xx`;
    histogram.observe({ method: request.method, route: routeOf(request) ?? 'none', status }, seconds);
  };
}
