import { Readable, Transform, pipeline, type TransformCallback } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageError, type StorageOperation } from '../storage-errors.js';
import type { ObjectBody, ObjectContent, ObjectStorage } from '../storage-provider.js';
import { aroundCalls, type StorageCall } from './around-calls.js';

export interface ThrottleOptions {
  /** Calls under way at once; a read counts until its body is closed. */
  readonly maxConcurrent: number;
  /** Calls that may wait for their turn; one more is refused with `storage_rate_limited`. */
  readonly maxQueued: number;
  /** For bodies in both directions together. */
  readonly bytesPerSecond?: number;
}

/** Keeps one storage from taking all connections, memory or bandwidth. */
export function throttled(storage: ObjectStorage, options: ThrottleOptions): ObjectStorage {
  const turns = new Turns(options.maxConcurrent, options.maxQueued);
  const pace = options.bytesPerSecond === undefined ? undefined : new Pace(options.bytesPerSecond);
  return aroundCalls(storage, async (call, run) => {
    await turns.take(call);
    let isReading = false;
    try {
      const result = await run(pace && (await paced(call, pace)));
      if (call.operation !== 'get') return result;
      isReading = true;
      return readUnderPace(result as ObjectContent, pace, () => turns.release()) as typeof result;
    } finally {
      if (!isReading) turns.release();
    }
  });
}

/** First come, first served. */
class Turns {
  private running = 0;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly maxConcurrent: number,
    private readonly maxQueued: number,
  ) {}

  async take({ operation, signal }: StorageCall): Promise<void> {
    if (signal?.aborted) throw aborted(operation, signal.reason);
    if (this.running < this.maxConcurrent) {
      this.running += 1;
      return;
    }
    if (this.waiting.size >= this.maxQueued) throw tooMany(operation);
    await this.turn(operation, signal);
  }

  /** Hands the turn to who waits longest, or gives it back. */
  release(): void {
    const [next] = this.waiting;
    if (next === undefined) this.running -= 1;
    else next();
  }

  private turn(operation: StorageOperation, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        this.waiting.delete(begin);
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        this.waiting.delete(begin);
        reject(aborted(operation, signal?.reason));
      };
      this.waiting.add(begin);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }
}

/** Spreads bytes evenly over time. */
class Pace {
  private freeAtMs = 0;

  constructor(private readonly bytesPerSecond: number) {}

  /** Resolves when these bytes may go. */
  async take(sizeBytes: number, signal?: AbortSignal): Promise<void> {
    const nowMs = performance.now();
    const startMs = Math.max(nowMs, this.freeAtMs);
    this.freeAtMs = startMs + (sizeBytes / this.bytesPerSecond) * 1_000;
    const waitMs = startMs - nowMs;
    if (waitMs >= 1) await sleep(waitMs, undefined, { signal });
  }
}

/** A stream passes in pieces, a buffer as a whole. */
async function paced({ body, operation, signal }: StorageCall, pace: Pace): Promise<ObjectBody | undefined> {
  if (body instanceof Readable) return pipeline(body, new PacedStream(pace), () => undefined);
  if (body === undefined) return undefined;
  try {
    await pace.take(body.byteLength, signal);
  } catch (error) {
    throw aborted(operation, error);
  }
  return body;
}

function readUnderPace(content: ObjectContent, pace: Pace | undefined, release: () => void): ObjectContent {
  const body = pace ? pipeline(content.body, new PacedStream(pace), () => undefined) : content.body;
  body.once('close', release);
  return { ...content, body };
}

class PacedStream extends Transform {
  private readonly ended = new AbortController();

  constructor(private readonly pace: Pace) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.pace.take(chunk.byteLength, this.ended.signal).then(
      () => callback(null, chunk),
      (error: Error) => callback(error),
    );
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.ended.abort();
    callback(error);
  }
}

function tooMany(operation: StorageOperation): StorageError {
  return new StorageError('storage_rate_limited', 'Too many calls to this storage wait already.', {
    operation,
    hint: 'It is retried; if it stays, lower the number of parallel transfers.',
    retryable: true,
    providerCode: 'QUEUE_FULL',
  });
}

function aborted(operation: StorageOperation, cause: unknown): StorageError {
  return new StorageError('aborted', 'The call was aborted while it waited for its turn.', {
    operation,
    hint: 'Nothing to repair: the caller ended the call.',
    retryable: false,
    cause,
  });
}
