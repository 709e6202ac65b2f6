import type { IncomingHttpHeaders } from 'node:http';

const RESPOND_ASYNC = /(?:^|,)\s*respond-async\s*(?:[;,]|$)/i;

/** Whether the client would rather be answered with a job than wait: `Prefer: respond-async` (RFC 7240, 4.1). */
export function prefersAsync({ prefer }: IncomingHttpHeaders): boolean {
  return RESPOND_ASYNC.test(prefer?.toString() ?? '');
}
