import type { IncomingHttpHeaders } from 'node:http';
import type { DoubleAnswer } from '../double-server.js';

/** What S3 adds to every answer to a page of an admitted origin, the answer to its question beforehand included. */
export function corsHeaders(
  headers: IncomingHttpHeaders,
  origins: readonly string[],
): Readonly<Record<string, string>> {
  const { origin } = headers;
  if (origin === undefined || !origins.includes(origin)) return {};
  const asked = headers['access-control-request-headers']?.toString();
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET, HEAD, PUT',
    'access-control-expose-headers': 'ETag',
    'access-control-max-age': '600',
    ...(asked && { 'access-control-allow-headers': asked }),
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  };
}

/** S3 asks for no signature here, and says the same of a bucket without rules and of an origin that has none. */
export function preflightAnswer(cors: Readonly<Record<string, string>>): DoubleAnswer {
  if (Object.keys(cors).length > 0) return { status: 200 };
  return {
    status: 403,
    headers: { 'content-type': 'application/xml' },
    body: '<Error><Code>AccessForbidden</Code><Message>CORSResponse: This CORS request is not allowed.</Message></Error>',
  };
}
