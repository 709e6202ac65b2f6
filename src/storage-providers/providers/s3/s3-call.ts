import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { StorageOperation } from '../../storage-errors.js';

export interface S3Request {
  readonly operation: StorageOperation;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Percent-encoded path with its query. */
  readonly path: string;
  /** Signed, lower-case names. */
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array | Readable;
  /** Longest silence before and within the answer, when it must be longer than the usual one. */
  readonly responseMs?: number;
  readonly signal?: AbortSignal;
}

/** Any HTTP answer, whatever its status. */
export interface S3Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: IncomingHttpHeaders;
  /** At most MAX_ANSWER_BYTES. */
  readonly body: Buffer;
}

/** The answer to a read: `content` instead of `body` when the status is 2xx. */
export interface S3ContentAnswer extends S3Answer {
  readonly content?: Readable;
}
