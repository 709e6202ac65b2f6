import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { Agent } from 'undici';
import { classify } from '../../classify.js';
import { guardedConnector } from '../../guarded-connector.js';
import { StorageError, isStorageError, type StorageOperation } from '../../storage-errors.js';
import type { ConnectContext, ObjectBody, ProviderName } from '../../storage-provider.js';
import { AnswerBody } from './answer-body.js';
import { exactBody, holdErrors, release } from './exact-body.js';

/** Connections to one origin; calls beyond wait. The throttled wrapper keeps well below. */
const MAX_CONNECTIONS = 128;

/** Shorter than the idle limit of every provider, so that a kept connection is not closed under a request. */
const KEEP_ALIVE_MS = 20_000;

export interface HttpRequest {
  readonly operation: StorageOperation;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Path and query, percent-encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ObjectBody;
  /** Exact length of `body`; without it a body must be a buffer. */
  readonly sizeBytes?: number;
  /** Sees every chunk of `body` just before it is sent. */
  readonly onChunk?: (chunk: Uint8Array) => void;
  /** Deadline of the answer's headers, when it must be longer than the usual one. */
  readonly responseMs?: number;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Must be read to its end or destroyed, otherwise the connection stays taken. */
  readonly body: Readable;
}

export interface HttpTarget {
  readonly provider: ProviderName;
  readonly bucket: string;
  /** Scheme, host and port; anything after is ignored. */
  readonly origin: URL;
}

/**
 * Kept-alive HTTP/1.1 to one origin under the operator's dialling policy and deadlines. It follows no redirect,
 * decodes no content encoding and repeats nothing: what the provider said is what the caller sees.
 *
 * `send` answers every HTTP status and rejects with a StorageError for everything else: network failures and
 * deadlines (classified), `aborted` by the signal, `integrity` when the body is not exactly `sizeBytes` long.
 */
export class HttpClient {
  private readonly agent: Agent;

  /** Throws a StorageError when the policy forbids the origin. */
  constructor(
    private readonly target: HttpTarget,
    private readonly context: Pick<ConnectContext, 'dialer' | 'timeouts'>,
  ) {
    const { dialer, timeouts } = context;
    dialer.assertAllowed(target.origin);
    this.agent = new Agent({
      connections: MAX_CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: timeouts.responseMs,
      bodyTimeout: timeouts.idleBodyMs,
      connect: guardedConnector(dialer, timeouts.connectMs),
    });
  }

  async send(request: HttpRequest): Promise<HttpAnswer> {
    const { operation, method, path, signal } = request;
    holdErrors(request.body);
    try {
      const answer = await this.agent.request({
        origin: this.target.origin.origin,
        method,
        path,
        headers: headersOf(request),
        // undici sends async iterables, too; its types do not say so.
        body: (await this.bodyOf(request)) as Readable | Uint8Array | null,
        headersTimeout: request.responseMs,
        signal,
      });
      const headers = flat(answer.headers);
      const body = this.answerBody(request, answer.body, headers);
      // After an early answer nobody reads the rest of the source; ending it sooner would cut the answer off.
      body.once('close', () => release(request.body));
      return { status: answer.statusCode, headers, body };
    } catch (error) {
      release(request.body);
      throw this.failure(operation, error, signal);
    }
  }

  /** Ends idle connections; requests under way finish. Idempotent. */
  async close(): Promise<void> {
    if (!this.agent.closed) await this.agent.close();
  }

  private async bodyOf(request: HttpRequest) {
    if (request.body === undefined) return null;
    const sizeBytes = request.sizeBytes ?? lengthOf(request.body);
    return exactBody(request.body, {
      sizeBytes,
      operation: request.operation,
      idleMs: this.context.timeouts.idleBodyMs,
      onChunk: request.onChunk,
    });
  }

  private answerBody(request: HttpRequest, source: Readable, headers: HttpAnswer['headers']): Readable {
    const declared = request.method === 'HEAD' ? undefined : headers['content-length'];
    return new AnswerBody(source, {
      sizeBytes: declared === undefined ? undefined : Number(declared),
      operation: request.operation,
      failure: (error) => this.failure(request.operation, error, request.signal),
    });
  }

  private failure(
    operation: StorageOperation,
    error: unknown,
    signal: AbortSignal | undefined,
  ): StorageError {
    if (isStorageError(error)) return error;
    if (signal?.aborted) return abortedBy(signal, operation);
    const { provider, bucket } = this.target;
    const { errno, message } = describe(error);
    return classify({ provider, operation, bucket, errno, message, cause: error });
  }
}

/** For calls that do something before, or instead of, sending a request. */
export function assertNotAborted(signal: AbortSignal | undefined, operation: StorageOperation): void {
  if (signal?.aborted) throw abortedBy(signal, operation);
}

/** For a call that ended because its caller gave up. */
export function abortedBy(signal: AbortSignal, operation: StorageOperation): StorageError {
  return new StorageError('aborted', 'The call was cancelled before the storage answered.', {
    operation,
    hint: 'Repeat the call if its result is still wanted.',
    retryable: false,
    cause: signal.reason,
  });
}

function headersOf(request: HttpRequest): Record<string, string> {
  const headers: Record<string, string> = { ...request.headers };
  if (request.body !== undefined) {
    headers['content-length'] = String(request.sizeBytes ?? lengthOf(request.body));
  }
  return headers;
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : value,
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Record<string, string>;
}

function lengthOf(body: ObjectBody): number {
  if (body instanceof Readable) throw new TypeError('A stream can only be sent with its length.');
  return body.byteLength;
}

/** The code of the deepest cause says most: undici wraps several socket errors. */
function describe(error: unknown): { errno: string | undefined; message: string } {
  let errno: string | undefined;
  let message = 'unknown network failure';
  let at = error as NodeJS.ErrnoException | undefined;
  for (let depth = 0; typeof at === 'object' && at !== null && depth < 4; depth += 1) {
    message = at.message;
    if (typeof at.code === 'string') errno = at.code;
    at = at.cause as NodeJS.ErrnoException | undefined;
  }
  return { errno, message };
}
