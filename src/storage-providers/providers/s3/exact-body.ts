import { Readable } from 'node:stream';
import { StorageError, type StorageOperation } from '../../storage-errors.js';

export interface ExactBodyOptions {
  readonly sizeBytes: number;
  /** Longest silence of the source. */
  readonly idleMs: number;
  readonly operation: StorageOperation;
}

/**
 * A stream that is exactly `sizeBytes` long or fails with `integrity`. The bytes that would complete the request
 * are held back until the source has ended, so that a source which is too long leaves no object behind.
 * Destroys the source when it fails or is destroyed.
 */
export class ExactBody extends Readable {
  private seenBytes = 0;
  private last: Uint8Array | undefined;
  private wantsMore = false;
  private turnBytes = 0;
  private isGivingWay = false;
  private readonly silence: NodeJS.Timeout;

  constructor(
    private readonly source: Readable,
    private readonly options: ExactBodyOptions,
  ) {
    super({ highWaterMark: HIGH_WATER_MARK_BYTES });
    this.silence = setTimeout(() => this.onSilence(), options.idleMs);
    source.on('data', (chunk: Uint8Array | string) => this.accept(chunk));
    source.on('end', () => this.finish());
    source.on('error', (error) => this.destroy(unreadable(options.operation, error)));
    source.on('close', () => {
      if (!source.readableEnded) this.destroy(unreadable(options.operation, undefined));
    });
    source.pause();
    if (source.readableEnded) this.finish();
    else if (source.destroyed) this.destroy(unreadable(options.operation, source.errored));
  }

  override _read(): void {
    this.wantsMore = true;
    this.silence.refresh();
    if (!this.isGivingWay) this.source.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    clearTimeout(this.silence);
    if (!this.source.readableEnded) this.source.destroy();
    callback(error);
  }

  private accept(piece: Uint8Array | string): void {
    const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
    if (this.destroyed || chunk.byteLength === 0) return;
    this.silence.refresh();
    this.seenBytes += chunk.byteLength;
    const { sizeBytes, operation } = this.options;
    if (this.seenBytes > sizeBytes) {
      this.destroy(wrongLength(operation, `more than the ${sizeBytes} bytes`));
    } else if (this.seenBytes === sizeBytes) {
      this.last = chunk;
    } else {
      this.wantsMore = this.push(chunk);
      if (!this.wantsMore) this.source.pause();
      else this.giveWay(chunk.byteLength);
    }
  }

  /** A source that is always ready would keep the event loop from aborts, deadlines and everybody else. */
  private giveWay(sizeBytes: number): void {
    this.turnBytes += sizeBytes;
    if (this.turnBytes < TURN_BYTES) return;
    this.turnBytes = 0;
    this.isGivingWay = true;
    this.source.pause();
    setImmediate(() => {
      this.isGivingWay = false;
      if (this.wantsMore && !this.destroyed) this.source.resume();
    });
  }

  private finish(): void {
    const { sizeBytes, operation } = this.options;
    if (this.destroyed) return;
    if (this.seenBytes !== sizeBytes) {
      this.destroy(wrongLength(operation, `${this.seenBytes} instead of the ${sizeBytes} bytes`));
      return;
    }
    clearTimeout(this.silence);
    if (this.last !== undefined) this.push(this.last);
    this.push(null);
  }

  /** A pause of ours is no silence of the source. */
  private onSilence(): void {
    if (this.wantsMore) this.destroy(silent(this.options));
    else this.silence.refresh();
  }
}

/** As much as a socket takes at once; more would only sit in memory. */
const HIGH_WATER_MARK_BYTES = 128 * 1024;

/** Bytes that pass before others get their turn. */
const TURN_BYTES = 256 * 1024;

/** A buffer that is sent in slices, so that deadlines see progress; copies nothing. */
export function* slicesOf(body: Uint8Array, sliceBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < body.byteLength; at += sliceBytes) yield body.subarray(at, at + sliceBytes);
}

export function wrongLength(operation: StorageOperation, what: string): StorageError {
  return new StorageError('integrity', `The body has ${what} that were announced; nothing was stored.`, {
    operation,
    hint: 'Announce the exact length of the body and send it whole.',
    retryable: false,
    providerCode: 'WRONG_LENGTH',
  });
}

function unreadable(operation: StorageOperation, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  return new StorageError('aborted', 'The body broke off before its end; nothing was stored.', {
    operation,
    hint: 'Send the whole body again.',
    retryable: false,
    cause,
  });
}

function silent({ operation, idleMs }: ExactBodyOptions): StorageError {
  return new StorageError('aborted', `The body paused for more than ${idleMs} ms; nothing was stored.`, {
    operation,
    hint: 'Send the whole body again, without long pauses.',
    retryable: false,
  });
}
