import type { Dispatcher } from 'undici';
import type { OrderedRequest } from '../../agent-protocol/messages.js';
import { StorageError, type StorageOperation } from '../../storage-providers/storage-errors.js';
import { Outgoing } from '../server-connection/outgoing.js';
import type { Proxies } from '../server-connection/proxies.js';
import { networkReason } from '../server-connection/server-connection.js';
import { transferFailure } from './transfer-failure.js';
import type { UploadPace } from './upload-pace.js';

export interface ByteRange {
  readonly offset: number;
  readonly lengthBytes: number;
}

export interface UploadOptions {
  readonly pace: UploadPace;
  readonly signal?: AbortSignal;
}

export interface DownloadOptions {
  readonly range?: ByteRange;
  /** A longer answer is refused. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

/** `renew`: the storage does not take this order (any more); another one may do. */
export type UploadOutcome = 'stored' | 'renew';

const MAX_CONNECTIONS = 16;
const KEEP_ALIVE_MS = 20_000;
const CONNECT_MS = 10_000;
/** From the last byte that is sent to the answer's headers; storages check a whole pack before they answer. */
const ANSWER_MS = 60_000;
/** Longest silence within an answer. */
const IDLE_MS = 30_000;
/** A transfer that is slower is repeated: the connection is as good as dead. */
const MIN_BYTES_PER_SECOND = 8 * 1_024;
/** Sent at a time, so that the answer's deadline begins with the last one and a limit is kept evenly. */
const SLICE_BYTES = 64 * 1_024;

/** Already there: names are content, so it is the same. */
const EXISTS_STATUSES: ReadonlySet<number> = new Set([409, 412]);
/** What providers say of a signature that has expired or that they do not like. */
const RENEW_STATUSES: ReadonlySet<number> = new Set([400, 401, 403]);

/** Bytes between this host and the bucket, by signed requests; each call is one request, nothing is repeated. */
export class ObjectTransfers {
  readonly #outgoing: Outgoing;

  constructor(proxies: Proxies) {
    this.#outgoing = new Outgoing(proxies, {
      connections: MAX_CONNECTIONS,
      keepAliveMs: KEEP_ALIVE_MS,
      connectMs: CONNECT_MS,
      headersMs: ANSWER_MS,
      bodyMs: IDLE_MS,
    });
  }

  /** Rejects with StorageErrors, among them `aborted`. */
  async put(
    order: OrderedRequest,
    bytes: Uint8Array,
    { pace, signal }: UploadOptions,
  ): Promise<UploadOutcome> {
    const length = { 'content-length': String(bytes.length) };
    const answer = await this.#request(
      'put',
      order,
      bytes.length / (pace.bytesPerSecond ?? Infinity),
      signal,
      {
        headers: { ...withoutLength(order.headers), ...length },
        // undici sends async iterables, too; its types do not say so.
        body: slicesOf(bytes, pace, signal) as unknown as Uint8Array,
        sizeBytes: bytes.length,
      },
    );
    await answer.body.dump();
    if (answer.statusCode < 300 || EXISTS_STATUSES.has(answer.statusCode)) return 'stored';
    if (RENEW_STATUSES.has(answer.statusCode)) return 'renew';
    throw transferFailure('put', answer.statusCode);
  }

  /** The bytes, exactly as many as were asked for; `renew` as of uploads. Rejects with StorageErrors. */
  async get(
    order: OrderedRequest,
    { range, maxBytes, signal }: DownloadOptions,
  ): Promise<Buffer | Extract<UploadOutcome, 'renew'>> {
    const end = range && range.offset + range.lengthBytes - 1;
    const wanted = range && { range: `bytes=${range.offset}-${end}` };
    const answer = await this.#request('get', order, 0, signal, {
      headers: { ...order.headers, ...wanted },
      sizeBytes: range?.lengthBytes ?? maxBytes,
    });
    const { statusCode } = answer;
    if (statusCode === 200 || (statusCode === 206 && range !== undefined)) {
      // A storage that does not know ranges sends everything.
      const isPart = statusCode === 206;
      const limit = isPart ? range!.lengthBytes : maxBytes;
      const bytes = await this.#read(answer, limit, signal);
      return isPart || range === undefined ? exactly(bytes, range?.lengthBytes) : part(bytes, range);
    }
    await answer.body.dump();
    if (RENEW_STATUSES.has(statusCode)) return 'renew';
    throw transferFailure('get', statusCode);
  }

  async close(): Promise<void> {
    await this.#outgoing.close();
  }

  async #request(
    operation: StorageOperation,
    order: OrderedRequest,
    pacedSeconds: number,
    signal: AbortSignal | undefined,
    { headers, body, sizeBytes }: { headers: Record<string, string>; body?: Uint8Array; sizeBytes: number },
  ): Promise<Dispatcher.ResponseData> {
    const url = new URL(order.url);
    const deadline = AbortSignal.timeout(
      Math.ceil(CONNECT_MS + ANSWER_MS + (pacedSeconds + sizeBytes / MIN_BYTES_PER_SECOND) * 1_000),
    );
    try {
      return await this.#outgoing.request(url, {
        path: url.pathname + url.search,
        method: order.method,
        headers,
        body,
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      });
    } catch (error) {
      throw networkFailure(operation, error, signal);
    }
  }

  async #read(answer: Dispatcher.ResponseData, maxBytes: number, signal?: AbortSignal): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let sizeBytes = 0;
    try {
      for await (const piece of answer.body as AsyncIterable<Buffer>) {
        sizeBytes += piece.length;
        if (sizeBytes > maxBytes) throw cutOff('more than was asked for');
        pieces.push(piece);
      }
    } catch (error) {
      throw error instanceof StorageError ? error : networkFailure('get', error, signal);
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }
}

async function* slicesOf(
  bytes: Uint8Array,
  pace: UploadPace,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    const slice = bytes.subarray(at, at + SLICE_BYTES);
    await pace.take(slice.length, signal);
    yield slice;
  }
}

/** It is the same, and undici takes it once. */
function withoutLength(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-length'),
  );
}

function exactly(bytes: Buffer, lengthBytes = bytes.length): Buffer {
  if (bytes.length !== lengthBytes) throw cutOff('less than was asked for');
  return bytes;
}

function part(bytes: Buffer, { offset, lengthBytes }: ByteRange): Buffer {
  return exactly(bytes.subarray(offset, offset + lengthBytes), lengthBytes);
}

function cutOff(what: string): StorageError {
  return new StorageError('integrity', `The storage has sent ${what}.`, {
    operation: 'get',
    hint: 'It is asked again; if it stays, check what lies between this host and the bucket.',
    retryable: true,
  });
}

function networkFailure(
  operation: StorageOperation,
  error: unknown,
  signal: AbortSignal | undefined,
): StorageError {
  if (signal?.aborted) {
    return new StorageError('aborted', 'The transfer was cancelled.', {
      operation,
      hint: 'Repeat it if its result is still wanted.',
      retryable: false,
      cause: signal.reason,
    });
  }
  // Neither the address nor the error of the client may be told: signed addresses are secrets.
  const message = `The bucket cannot be reached from this host: ${networkReason(error)}.`;
  return new StorageError('endpoint_unreachable', message, {
    operation,
    hint: 'Check the network of this host and its name resolution.',
    retryable: true,
    providerCode: networkReason(error).slice(0, 60),
  });
}
