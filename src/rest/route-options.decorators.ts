import { SetMetadata } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';

export interface JsonLimits {
  readonly sizeBytes: number;
  /** From the end of the headers to the last byte. */
  readonly deadlineMs: number;
}

/** What src/http reads from a route. */
export interface RouteOptions {
  /** The body is left unread in `request.raw`, whatever its type; the handler streams it. */
  readonly streamedBody?: boolean;
  /** Instead of the limits of all JSON bodies. */
  readonly jsonLimits?: JsonLimits;
  /** On every answer of the route, refusals and preflights among them. */
  readonly answerHeaders?: Readonly<Record<string, string>>;
  /** Of @fastify/cors; false: an OPTIONS request that is no preflight is answered like one. */
  readonly cors?: { readonly strictPreflight: false };
}

export const NO_RATE_LIMIT = 'stowage:no-rate-limit';

/**
 * The handler reads the body itself, as a stream from `request.raw`: no parser, no size limit, no buffering. The
 * guards run before the first byte is read, and a rejected request is answered at once.
 */
export const StreamedBody = () => RouteConfig({ streamedBody: true } satisfies RouteOptions);

/**
 * As StreamedBody, for a protocol of its own on top of HTTP: every answer carries its headers, and its OPTIONS requests
 * are answered as such.
 */
export const ProtocolRoute = (answerHeaders: Readonly<Record<string, string>>) =>
  RouteConfig({ streamedBody: true, answerHeaders, cors: { strictPreflight: false } } satisfies RouteOptions);

/** For routes all of whose answers say something to browsers, also those that refuse. */
export const AnswerHeaders = (answerHeaders: Readonly<Record<string, string>>) =>
  RouteConfig({ answerHeaders } satisfies RouteOptions);

/** For the few routes whose messages may be larger than others; they are held in memory. */
export const LargeJson = (jsonLimits: JsonLimits) => RouteConfig({ jsonLimits } satisfies RouteOptions);

/**
 * For public routes that carry a proof of their own (a signed URL) or must always answer (health): they do not
 * count against the address.
 */
export const NoRateLimit = () => SetMetadata(NO_RATE_LIMIT, true);
