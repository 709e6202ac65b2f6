import { RequestError } from '../../errors/request-errors.js';
import { addressBlock } from '../../rest/address-block.js';
import { type Verdict, WINDOW_MS } from './rate-limiter.js';

export const keySubject = (apiKeyId: string): string => `key:${apiKeyId}`;

export const addressSubject = (address: string): string => `address:${addressBlock(address)}`;

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
