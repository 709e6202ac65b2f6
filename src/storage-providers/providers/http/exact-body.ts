import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { StorageError, isStorageError, type StorageOperation } from '../../storage-errors.js';
import type { ObjectBody } from '../../storage-provider.js';

/** A larger buffer is sent in slices, so that the answer's deadline starts when the last slice is under way. */
const SLICE_BYTES = 256 * 1024;

export interface ExactBodyOptions {
  readonly sizeBytes: number;
  readonly operation: StorageOperation;
  /** Longest silence of the source. */
  readonly idleMs: number;
  readonly onChunk?: (chunk: Uint8Array) => void;
}

/**
 * `body` as something undici sends and that is exactly `sizeBytes` long, or fails with `integrity` *before* the
 * last byte is out: the bytes that complete the request are held back until the source has ended, so a source that
 * is longer than declared never leaves a whole object behind.
 *
 * Reading it rejects with `integrity` (shorter or longer) or `aborted` (the source failed or fell silent).
 */
export async function exactBody(
  body: ObjectBody,
  options: ExactBodyOptions,
): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
  if (!(body instanceof Readable)) return exactBuffer(body, options);
  const chunks = exactStream(body, options);
  if (options.sizeBytes > 0) return chunks;
  // A request without a body is complete as soon as it is sent: look at the source first.
  for await (const chunk of chunks) void chunk;
  return Buffer.alloc(0);
}

/**
 * To be called at once by whoever takes a body and awaits something before reading it: a source that fails meanwhile
 * would otherwise end the process by an unhandled error. Reading it later still fails with that error.
 */
export function holdErrors(body: ObjectBody | undefined): void {
  if (body instanceof Readable && !body.listeners('error').includes(ignore)) body.on('error', ignore);
}

function ignore(): void {
  // The error is kept by the stream.
}

/**
 * Ends a source that was read from, when nobody will read on. One that is still whole is left alone: its owner may
 * send it again.
 */
export function release(body: ObjectBody | undefined): void {
  if (body instanceof Readable && body.readableDidRead && !body.readableEnded) body.destroy();
}

function exactBuffer(body: Uint8Array, options: ExactBodyOptions): Uint8Array | AsyncIterable<Uint8Array> {
  const { sizeBytes, operation, onChunk } = options;
  if (body.byteLength !== sizeBytes) throw wrongLength(operation, body.byteLength, sizeBytes);
  onChunk?.(body);
  return body.byteLength <= SLICE_BYTES ? body : slices(body);
}

async function* slices(body: Uint8Array): AsyncGenerator<Uint8Array> {
  const turns = new Turns();
  for (let at = 0; at < body.byteLength; at += SLICE_BYTES) {
    yield body.subarray(at, at + SLICE_BYTES);
    await turns.after(SLICE_BYTES);
  }
}

/**
 * Lets the event loop go round now and then. A source that always has the next chunk and a socket that always takes
 * it would otherwise keep each other busy without a pause, and no timer, signal or other request would get its turn.
 */
class Turns {
  private sinceBytes = 0;

  async after(sizeBytes: number): Promise<void> {
    this.sinceBytes += sizeBytes;
    if (this.sinceBytes < BYTES_PER_TURN) return;
    this.sinceBytes = 0;
    await setImmediate();
  }
}

const BYTES_PER_TURN = 1024 * 1024;

async function* exactStream(source: Readable, options: ExactBodyOptions): AsyncGenerator<Uint8Array> {
  const { sizeBytes, operation, idleMs, onChunk } = options;
  let seenBytes = 0;
  let last: Uint8Array | undefined;
  const turns = new Turns();
  const silence = setTimeout(() => source.destroy(silent(operation, idleMs)), idleMs);
  try {
    for await (const piece of source as AsyncIterable<Uint8Array | string>) {
      silence.refresh();
      const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
      if (chunk.byteLength === 0) continue;
      seenBytes += chunk.byteLength;
      if (seenBytes > sizeBytes) throw wrongLength(operation, seenBytes, sizeBytes);
      onChunk?.(chunk);
      if (seenBytes === sizeBytes) last = chunk;
      else yield chunk;
      await turns.after(chunk.byteLength);
    }
    if (seenBytes < sizeBytes) throw wrongLength(operation, seenBytes, sizeBytes);
  } catch (error) {
    throw isStorageError(error) ? error : unreadable(operation, error);
  } finally {
    clearTimeout(silence);
  }
  if (last !== undefined) yield last;
}

function wrongLength(operation: StorageOperation, seenBytes: number, sizeBytes: number): StorageError {
  const what = seenBytes > sizeBytes ? 'longer' : `${sizeBytes - seenBytes} bytes shorter`;
  return new StorageError(
    'integrity',
    `The body is ${what} than the ${sizeBytes} bytes announced; nothing was stored.`,
    {
      operation,
      hint: 'Send exactly the announced number of bytes.',
      retryable: false,
    },
  );
}

function unreadable(operation: StorageOperation, cause: unknown): StorageError {
  return new StorageError('aborted', 'The body could not be read to its end; nothing was stored.', {
    operation,
    hint: 'Send the whole body again.',
    retryable: false,
    cause,
  });
}

function silent(operation: StorageOperation, idleMs: number): StorageError {
  return new StorageError('aborted', `The body stood still for ${idleMs} ms; nothing was stored.`, {
    operation,
    hint: 'Send the whole body again, without pauses.',
    retryable: false,
  });
}
