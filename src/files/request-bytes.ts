import type { Readable } from 'node:stream';
import { uploadInterrupted, uploadTimeout } from './file-errors.js';
import { CLIENT_IDLE_MS, CLIENT_RATE_GRACE_MS, MIN_CLIENT_BYTES_PER_SECOND } from './upload-limits.js';

/** Bytes that are pulled one chunk at a time; whoever stops pulling stops the sender. */
export interface ByteSource {
  /** The next bytes, never empty, or null after the last. */
  next(): Promise<Buffer | null>;
}

export interface ClientPatience {
  readonly idleMs: number;
  readonly graceMs: number;
  readonly minBytesPerSecond: number;
}

const PATIENCE: ClientPatience = {
  idleMs: CLIENT_IDLE_MS,
  graceMs: CLIENT_RATE_GRACE_MS,
  minBytesPerSecond: MIN_CLIENT_BYTES_PER_SECOND,
};

const END = Promise.resolve(null);

/**
 * The body of a request. Nothing is read before the first `next`. A client that goes away, stands still or drips
 * fails the pending and all later calls with a FilesError (`upload_interrupted`, `upload_timeout`).
 */
export class RequestBytes implements ByteSource {
  private waiting: { resolve(chunk: Buffer | null): void; reject(error: Error): void } | undefined;
  private failure: Error | undefined;
  private ended = false;
  private timer: NodeJS.Timeout | undefined;
  private waitedMs = 0;
  private waitingSince = 0;
  private receivedBytes = 0;
  private interruption: AbortController | undefined;

  /** @param contentLength when it is known, the end is known with the last byte */
  constructor(
    private readonly stream: Readable,
    private readonly contentLength: number | undefined,
    private readonly patience: ClientPatience = PATIENCE,
  ) {
    stream.on('readable', this.onReadable);
    stream.on('end', this.onEnd);
    stream.on('error', this.onError);
    stream.on('close', this.onClose);
    if (stream.readableEnded || contentLength === 0) this.ended = true;
    else if (stream.destroyed) this.failure = uploadInterrupted();
  }

  /** Whether the client has sent all of its body and all of it was taken. */
  get complete(): boolean {
    return this.ended;
  }

  /** Aborts when the client goes away before its last byte, and never after it. */
  get signal(): AbortSignal {
    this.interruption ??= new AbortController();
    if (this.failure !== undefined) this.interruption.abort(this.failure);
    return this.interruption.signal;
  }

  next(): Promise<Buffer | null> {
    if (this.ended) return END;
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const chunk = this.stream.read() as Buffer | null;
    if (chunk !== null) return Promise.resolve(this.count(chunk));
    this.startWaiting();
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
  }

  /** Ends the reading from our side: the pending and all later calls fail with this. */
  interrupt(reason: Error): void {
    this.fail(reason);
  }

  /** Stops listening. A stream that was not read to its end is left where it is. */
  release(): void {
    clearTimeout(this.timer);
    this.stream.off('readable', this.onReadable);
    this.stream.off('end', this.onEnd);
    this.stream.off('close', this.onClose);
    // Its last byte was taken; now it may tell so to whoever else listens.
    if (this.ended) this.stream.resume();
    // The error listener stays: an error after the answer must not bring the process down.
  }

  private readonly onReadable = (): void => {
    if (this.waiting === undefined) return;
    const chunk = this.stream.read() as Buffer | null;
    if (chunk !== null) this.settle(this.count(chunk));
  };

  private readonly onEnd = (): void => {
    this.ended = true;
    this.settle(null);
  };

  private readonly onError = (error: Error): void => this.fail(uploadInterrupted(error));

  private readonly onClose = (): void => {
    if (!this.ended) this.fail(uploadInterrupted());
  };

  private fail(error: Error): void {
    if (this.ended || this.failure !== undefined) return;
    this.failure = error;
    clearTimeout(this.timer);
    this.interruption?.abort(error);
    const waiting = this.stopWaiting();
    waiting?.reject(error);
  }

  private settle(chunk: Buffer | null): void {
    this.stopWaiting()?.resolve(chunk);
  }

  private count(chunk: Buffer): Buffer {
    this.receivedBytes += chunk.length;
    if (this.receivedBytes === this.contentLength) this.ended = true;
    return chunk;
  }

  private startWaiting(): void {
    this.waitingSince = performance.now();
    if (this.timer === undefined) this.timer = setTimeout(this.onIdle, this.patience.idleMs);
    else this.timer.refresh();
  }

  private stopWaiting() {
    const waiting = this.waiting;
    if (waiting === undefined) return undefined;
    this.waiting = undefined;
    this.waitedMs += performance.now() - this.waitingSince;
    if (this.isTooSlow()) this.fail(uploadTimeout());
    return waiting;
  }

  private isTooSlow(): boolean {
    const { graceMs, minBytesPerSecond } = this.patience;
    return this.waitedMs > graceMs && this.receivedBytes * 1000 < this.waitedMs * minBytesPerSecond;
  }

  private readonly onIdle = (): void => {
    // The timer runs on while nobody waits; then it was the bucket that was slow, not the client.
    if (this.waiting !== undefined) this.fail(uploadTimeout());
  };
}
