import type { Socket } from 'node:net';
import { Pool, buildConnector } from 'undici';
import type { Dialer, StorageTimeouts } from '../../storage-provider.js';
import { type OpenSocket, plainGet } from '../http/plain-get.js';
import { CollectedAnswer, StreamedAnswer } from './answer-handlers.js';
import type { S3Address } from './s3-address.js';
import type { S3Answer, S3ContentAnswer, S3Request } from './s3-call.js';
import type { S3Failures } from './s3-failures.js';

/** Connections to one bucket's host. Calls beyond wait in line; the throttled wrapper keeps well below. */
const MAX_CONNECTIONS = 128;

/** Below the idle limits of providers and load balancers, so that a connection is not closed under a request. */
const KEEP_ALIVE_MS = 10_000;

/**
 * Kept-alive HTTP/1.1 connections to one origin. Follows no redirect, repeats nothing, decodes nothing, and gives
 * up after the deadlines. Rejects with a StorageError when no whole answer came; every HTTP status is an answer.
 */
export class S3Transport {
  private readonly pool: Pool;
  private readonly openSocket: OpenSocket | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    address: S3Address,
    dialer: Dialer,
    private readonly timeouts: StorageTimeouts,
    private readonly failures: S3Failures,
  ) {
    dialer.assertAllowed(new URL(address.origin));
    this.pool = new Pool(address.origin, {
      connections: MAX_CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: timeouts.responseMs,
      bodyTimeout: timeouts.idleBodyMs,
      connect: guardedConnect(dialer, { timeout: timeouts.connectMs }),
    });
    this.openSocket = socketOpener(address, dialer, timeouts);
  }

  /** Resolves with the whole answer. */
  call(request: S3Request): Promise<S3Answer> {
    return new Promise((resolve, reject) => {
      this.pool.dispatch(patient(request), new CollectedAnswer(request, this.failures, resolve, reject));
    });
  }

  /** Resolves when the headers are there; the content of a 2xx answer flows as it is read. */
  open(request: S3Request): Promise<S3ContentAnswer> {
    return new Promise((resolve, reject) => {
      this.pool.dispatch(request, new StreamedAnswer(request, this.failures, resolve, reject));
    });
  }

  /**
   * Like `open`, on a connection of its own and with content that is lent. Undefined for an answer that is no plain
   * one, a refusal among others, and where TLS is spoken: it cuts content into pieces too small to gain by it.
   */
  async lend(request: S3Request): Promise<S3ContentAnswer | undefined> {
    if (this.openSocket === undefined) return undefined;
    const { operation, path, headers, signal } = request;
    const { responseMs, idleBodyMs } = this.timeouts;
    const failure = (error: unknown) => this.failures.ofConnection(operation, error);
    const wrongLength = () => this.failures.ofLength(operation);
    try {
      const get = { path, headers, responseMs, signal };
      const answer = await plainGet(this.openSocket, get, { idleMs: idleBodyMs, failure, wrongLength });
      return answer && { ...answer, body: Buffer.alloc(0) };
    } catch (error) {
      throw failure(error);
    }
  }

  /** Resolves when the calls under way are over; may be called again. */
  close(): Promise<void> {
    this.closing ??= this.pool.close();
    return this.closing;
  }
}

function patient(request: S3Request) {
  const { responseMs } = request;
  return responseMs === undefined
    ? request
    : { ...request, headersTimeout: responseMs, bodyTimeout: responseMs };
}

function socketOpener(
  { origin }: S3Address,
  dialer: Dialer,
  { connectMs }: StorageTimeouts,
): OpenSocket | undefined {
  const { protocol, hostname, host, port } = new URL(origin);
  if (protocol !== 'http:') return undefined;
  return (onread) =>
    new Promise<Socket>((resolve, reject) => {
      const connect = guardedConnect(dialer, { timeout: connectMs, onread });
      connect({ protocol, hostname: hostname.replace(/^\[|\]$/g, ''), host, port }, (...[error, socket]) => {
        if (error === null) resolve(socket);
        else reject(error);
      });
    });
}

/** Looks at the peer once more: an address given as a literal is never looked up. */
function guardedConnect(
  dialer: Dialer,
  options: buildConnector.BuildOptions & { readonly onread?: Parameters<OpenSocket>[0] },
): buildConnector.connector {
  const connect = buildConnector({ ...options, lookup: dialer.lookup });
  return (target, callback) =>
    connect(target, (...result) => {
      const [error, socket] = result;
      if (error === null) {
        try {
          dialer.assertPeer?.(target.hostname, socket.remoteAddress);
        } catch (refusal) {
          socket.destroy();
          callback(refusal as Error, null);
          return;
        }
      }
      callback(...result);
    });
}
