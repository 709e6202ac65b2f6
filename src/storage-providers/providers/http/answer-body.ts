import { Readable } from 'node:stream';
import { StorageError, type StorageOperation } from '../../storage-errors.js';

/** No answer but an object's content may be longer. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

export interface AnswerBodyOptions {
  /** The declared length, or undefined when the answer tells none. */
  readonly sizeBytes: number | undefined;
  readonly operation: StorageOperation;
  /** Turns what the connection reported into a StorageError. */
  readonly failure: (error: unknown) => StorageError;
}

/** A provider's answer: ends after exactly the declared bytes, or with a StorageError. */
export class AnswerBody extends Readable {
  private seenBytes = 0;
  private attached = false;

  constructor(
    private readonly source: Readable,
    private readonly options: AnswerBodyOptions,
  ) {
    super({ highWaterMark: 128 * 1024 });
    source.on('error', (error) => this.destroy(options.failure(error)));
  }

  override _read(): void {
    if (this.attached) {
      this.source.resume();
      return;
    }
    this.attached = true;
    this.source.on('data', (chunk: Buffer) => {
      this.seenBytes += chunk.byteLength;
      if (!this.push(chunk)) this.source.pause();
    });
    this.source.on('end', () => this.finish());
    this.source.on('close', () => {
      if (!this.source.readableEnded && !this.destroyed) this.destroy(this.cut());
    });
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.source.destroy();
    callback(error);
  }

  private finish(): void {
    const { sizeBytes } = this.options;
    if (sizeBytes !== undefined && sizeBytes !== this.seenBytes) this.destroy(this.cut());
    else this.push(null);
  }

  private cut(): StorageError {
    return new StorageError('integrity', 'The storage ended its answer before it was complete.', {
      operation: this.options.operation,
      hint: 'Repeat the call; if it happens again, check the network between here and the storage.',
      retryable: true,
    });
  }
}

/**
 * A whole answer as text, within a bound on its length and on its time.
 * Rejects with `provider_error` when it is longer than MAX_ANSWER_BYTES or slower than `deadlineMs`.
 */
export async function readText(
  body: Readable,
  operation: StorageOperation,
  deadlineMs: number,
): Promise<string> {
  const deadline = setTimeout(() => body.destroy(tooSlow(operation, deadlineMs)), deadlineMs);
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > MAX_ANSWER_BYTES) throw tooLong(operation);
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(deadline);
  }
  return Buffer.concat(chunks, sizeBytes).toString('utf8');
}

function tooLong(operation: StorageOperation): StorageError {
  return protocolError(operation, `an answer of more than ${MAX_ANSWER_BYTES} bytes`, 'ANSWER_TOO_LONG');
}

function tooSlow(operation: StorageOperation, deadlineMs: number): StorageError {
  return new StorageError(
    'endpoint_unreachable',
    `The storage did not finish its answer within ${deadlineMs} ms.`,
    {
      operation,
      hint: 'Check the network between here and the storage, then repeat the call.',
      retryable: true,
      providerCode: 'ANSWER_TOO_SLOW',
    },
  );
}

/** For an answer that came with a good status and is not what the protocol promises. */
export function protocolError(
  operation: StorageOperation,
  what: string,
  providerCode = 'PROVIDER_PROTOCOL_ERROR',
): StorageError {
  return new StorageError('provider_error', `The storage answered with ${what}.`, {
    operation,
    hint: 'Check that the endpoint is the storage itself and not a proxy, a portal or another service.',
    retryable: false,
    providerCode,
  });
}
