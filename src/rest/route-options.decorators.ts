import { SetMetadata } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';

/** What src/http reads from a route. */
export interface RouteOptions {
  /** The body is left unread in `request.raw`, whatever its type; the handler streams it. */
  readonly streamedBody?: boolean;
}

export const NO_RATE_LIMIT = 'stowage:no-rate-limit';

/**
 * The handler reads the body itself, as a stream from `request.raw`: no parser, no size limit, no buffering. The
 * guards run before the first byte is read, and a rejected request is answered at once.
 */
export const StreamedBody = () => RouteConfig({ streamedBody: true } satisfies RouteOptions);

/**
 * For public routes that carry a proof of their own (a signed URL) or must always answer (health): they do not
 * count against the address.
 */
export const NoRateLimit = () => SetMetadata(NO_RATE_LIMIT, true);
