import { Agent } from 'undici';
import { guardedConnector } from '../storage-providers/guarded-connector.js';
import { isStorageError } from '../storage-providers/storage-errors.js';
import type { Dialer } from '../storage-providers/storage-provider.js';
import type { AttemptOutcome } from './delivery-plan.js';

const CONNECT_MS = 5_000;
const ATTEMPT_MS = 10_000;
/** Of an answer's body; nobody looks at it. */
const MAX_ANSWER_BYTES = 64 * 1024;

export interface Message {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface PostOptions {
  readonly dialer: Dialer;
  /** Of a caller that gives up. */
  readonly signal: AbortSignal;
  /** From the resolving of the name to the end of the answer; ATTEMPT_MS when absent. */
  readonly timeoutMs?: number;
}

/**
 * Posts one message on a connection of its own, under the operator's dialling policy. Follows no redirect and keeps
 * nothing of an answer but its status: whoever may choose a URL learns nothing else about what listens there.
 * @throws the signal's reason when the caller gives up; everything else is an outcome
 */
export async function postMessage(
  { url, headers, body }: Message,
  { dialer, signal, timeoutMs = ATTEMPT_MS }: PostOptions,
): Promise<AttemptOutcome> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const agent = new Agent({ connections: 1, connect: guardedConnector(dialer, CONNECT_MS) });
  try {
    const target = new URL(url);
    dialer.assertAllowed(target);
    const answer = await agent.request({
      origin: target.origin,
      method: 'POST',
      path: target.pathname + target.search,
      headers,
      body,
      signal: AbortSignal.any([signal, deadline]),
    });
    // Read, so that a receiver that writes more than a status is not cut off; its content does not matter.
    await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal: deadline }).catch(() => undefined);
    const retryAfterMs = retryAfterOf(answer.headers['retry-after']);
    return { kind: 'answered', status: answer.statusCode, ...(retryAfterMs && { retryAfterMs }) };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'unreachable', reason: deadline.aborted ? tooSlow(timeoutMs) : reasonOf(error) };
  } finally {
    await agent.destroy();
  }
}

function tooSlow(timeoutMs: number): string {
  return `The receiver did not answer within ${timeoutMs / 1_000} seconds.`;
}

/** By Node's codes; texts of the system would name addresses. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'The host name of the URL does not exist.',
  EAI_AGAIN: 'The host name of the URL could not be resolved just now.',
  ECONNREFUSED: 'Nothing listens at the host and port of the URL.',
  ECONNRESET: 'The receiver closed the connection without an answer.',
  UND_ERR_SOCKET: 'The receiver closed the connection without an answer.',
  UND_ERR_CONNECT_TIMEOUT: `No connection came about within ${CONNECT_MS / 1_000} seconds.`,
  ETIMEDOUT: `No connection came about within ${CONNECT_MS / 1_000} seconds.`,
  CERT_HAS_EXPIRED: 'The receiver’s certificate has expired.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'The receiver’s certificate is not trusted: it is self-signed.',
  SELF_SIGNED_CERT_IN_CHAIN: 'The receiver’s certificate is not trusted: it is self-signed.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'The receiver’s certificate is not trusted: its issuer is unknown.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'The receiver’s certificate is for another host name.',
};

function reasonOf(error: unknown): string {
  if (isStorageError(error)) return `${error.message} ${error.hint}`;
  const code = codeOf(error);
  return REASONS[code] ?? `The connection to the receiver failed (${code}).`;
}

/** undici wraps what the socket said. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  const words = [code, cause?.code].filter((word): word is string => typeof word === 'string');
  return words.find((word) => Object.hasOwn(REASONS, word)) ?? words[0] ?? 'unknown';
}

/** In seconds; dates are not taken: they would need the receiver's clock. */
function retryAfterOf(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined;
}
