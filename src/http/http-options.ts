import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { LogController } from 'fastify';
import type { Log } from '../telemetry/log.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/** JSON bodies. Uploads are streamed and have limits of their own. */
export const JSON_LIMITS = { sizeBytes: 1024 * 1024, deadlineMs: 30 * SECOND_MS };

/** Longest whole request, its body included: a 5 TiB upload at 1 Gbit/s takes 12 hours. */
const REQUEST_TIMEOUT_MS = 24 * 60 * MINUTE_MS;
/** From the first byte of a request to the last of its headers. */
const HEADERS_TIMEOUT_MS = 30 * SECOND_MS;
/** Longer than the 60 s after which common balancers close an idle connection, so that they close it, not we. */
const KEEP_ALIVE_TIMEOUT_MS = 75 * SECOND_MS;
const MAX_PARAM_CHARS = 512;
const MAX_HEADERS_BYTES = 16 * 1024;

/** Fits into audit_log.request_id and needs no escaping anywhere. */
const SANE_REQUEST_ID = /^[\w.:-]{8,64}$/;

export function fastifyOptions(trustedProxies: readonly string[], log: Log) {
  return {
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    // Its warnings only: what it says at start and of each request is said better elsewhere.
    loggerInstance: log.child({ context: 'Fastify' }, { level: 'warn' }),
    logController: new LogController({ disableRequestLogging: true }),
    // The log adds the request's id itself; a child logger a request would be work for nothing.
    childLoggerFactory: <T>(logger: T): T => logger,
    genReqId: requestIdOf,
    bodyLimit: JSON_LIMITS.sizeBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: 'idle' as const,
    return503OnClosing: true,
    onProtoPoisoning: 'error' as const,
    onConstructorPoisoning: 'error' as const,
    routerOptions: { maxParamLength: MAX_PARAM_CHARS },
    http: { headersTimeout: HEADERS_TIMEOUT_MS, maxHeaderSize: MAX_HEADERS_BYTES },
  };
}

/** A caller's own id joins its logs with ours; anything odd is replaced. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && SANE_REQUEST_ID.test(given) ? given : randomUUID();
}
