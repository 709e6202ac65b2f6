import { Pool, buildConnector } from 'undici';
import type { Dialer, StorageTimeouts } from '../../storage-provider.js';
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
  private closing: Promise<void> | undefined;

  constructor(
    address: S3Address,
    dialer: Dialer,
    timeouts: StorageTimeouts,
    private readonly failures: S3Failures,
  ) {
    dialer.assertAllowed(new URL(address.origin));
    this.pool = new Pool(address.origin, {
      connections: MAX_CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: timeouts.responseMs,
      bodyTimeout: timeouts.idleBodyMs,
      connect: guardedConnect(dialer, timeouts.connectMs),
    });
  }

  /** Resolves with the whole answer. */
  call(request: S3Request): Promise<S3Answer> {
    return new Promise((resolve, reject) => {
      this.pool.dispatch(request, new CollectedAnswer(request, this.failures, resolve, reject));
    });
  }

  /** Resolves when the headers are there; the content of a 2xx answer flows as it is read. */
  open(request: S3Request): Promise<S3ContentAnswer> {
    return new Promise((resolve, reject) => {
      this.pool.dispatch(request, new StreamedAnswer(request, this.failures, resolve, reject));
    });
  }

  /** Resolves when the calls under way are over; may be called again. */
  close(): Promise<void> {
    this.closing ??= this.pool.close();
    return this.closing;
  }
}

function guardedConnect(dialer: Dialer, timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ lookup: dialer.lookup, timeout: timeoutMs });
  return (options, callback) =>
    connect(options, (...result) => {
      const [error, socket] = result;
      if (error === null) {
        try {
          dialer.assertPeer?.(options.hostname, socket.remoteAddress);
        } catch (refusal) {
          socket.destroy();
          callback(refusal as Error, null);
          return;
        }
      }
      callback(...result);
    });
}
