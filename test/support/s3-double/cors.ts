import type { IncomingHttpHeaders } from 'node:http';
import type { DoubleAnswer } from '../double-server.js';

/** One rule of a bucket, as `PutBucketCors` takes it. */
export interface CorsRule {
  readonly AllowedOrigins: readonly string[];
  readonly AllowedMethods: readonly string[];
  readonly AllowedHeaders: readonly string[];
  readonly ExposeHeaders: readonly string[];
  readonly MaxAgeSeconds: number;
}

/**
 * What S3 adds to every answer to a page of an admitted origin, the answer to its question beforehand included: of the
 * first rule that admits the origin, the method and, in a question beforehand, all headers.
 */
export function corsHeaders(
  method: string,
  headers: IncomingHttpHeaders,
  rules: readonly CorsRule[],
): Readonly<Record<string, string>> {
  const { origin } = headers;
  const wanted = headers['access-control-request-method'] ?? method;
  const asked = headers['access-control-request-headers']?.toString();
  const names = asked?.split(',').map((name) => name.trim().toLowerCase()) ?? [];
  const rule = rules.find(
    ({ AllowedOrigins, AllowedMethods, AllowedHeaders }) =>
      origin !== undefined &&
      AllowedOrigins.includes(origin) &&
      AllowedMethods.includes(wanted) &&
      names.every((name) => AllowedHeaders.some((allowed) => [name, '*'].includes(allowed.toLowerCase()))),
  );
  if (origin === undefined || rule === undefined) return {};
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': rule.AllowedMethods.join(', '),
    'access-control-max-age': String(rule.MaxAgeSeconds),
    ...(rule.ExposeHeaders.length > 0 && { 'access-control-expose-headers': rule.ExposeHeaders.join(', ') }),
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

/** The document that our advice has users give to their buckets. */
export function readCorsRules(document: string): readonly CorsRule[] {
  return (JSON.parse(document) as { CORSRules: CorsRule[] }).CORSRules;
}
