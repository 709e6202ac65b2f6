import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { RequestError } from '../../errors/request-errors.js';
import { type Verdict, WINDOW_MS } from './rate-limiter.js';

export const keySubject = (apiKeyId: string): string => `key:${apiKeyId}`;

/** A whole /64 of IPv6 is one subject: one customer gets at least that much. */
export function addressSubject(address: string): string {
  if (!isIPv6(address)) return `address:${address}`;
  const parsed = ipaddr.IPv6.parse(address);
  if (parsed.isIPv4MappedAddress()) return `address:${parsed.toIPv4Address().toString()}`;
  return `address:${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}

/** draft-ietf-httpapi-ratelimit-headers */
export function limitHeaders(verdict: Verdict): Record<string, string> {
  return {
    'ratelimit-policy': `"default";q=${verdict.limit};w=${WINDOW_MS / 1_000}`,
    ratelimit: `"default";r=${verdict.remaining};t=${verdict.resetSeconds}`,
  };
}

export function rateLimited(verdict: Verdict): RequestError {
  return new RequestError(
    'rate_limited',
    `More than ${verdict.limit} requests in one minute. Go on in ${verdict.resetSeconds} seconds.`,
    { retryable: true, retryAfterMs: verdict.resetSeconds * 1_000 },
  );
}
