import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { StorageError } from '../../storage-errors.js';
import type { S3Failures } from './s3-failures.js';
import type { S3Answer, S3ContentAnswer, S3Request } from './s3-call.js';

/** No answer but an object's content may be longer; a listing of 1,000 keys stays below 3 MiB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

type Controller = Dispatcher.DispatchController;
type AnswerableRequest = Pick<S3Request, 'operation' | 'signal'>;

/**
 * Takes one answer from undici. Written against `dispatch` instead of `request`, because that is the cheapest
 * way to send thousands of small objects a second.
 */
abstract class AnswerHandler<Answer> implements Dispatcher.DispatchHandler {
  protected status = 0;
  protected headers: IncomingHttpHeaders = {};
  private controller: Controller | undefined;
  private chunks: Buffer[] = [];
  private collectedBytes = 0;
  private readonly onAbort: (() => void) | undefined;

  constructor(
    protected readonly request: AnswerableRequest,
    protected readonly failures: S3Failures,
    private readonly settle: (answer: Answer) => void,
    private readonly fail: (error: StorageError) => void,
  ) {
    const { signal } = request;
    if (signal === undefined) return;
    this.onAbort = () => this.abort(abortReason(signal));
    if (signal.aborted) this.onAbort();
    else signal.addEventListener('abort', this.onAbort, { once: true });
  }

  onRequestStart(controller: Controller): void {
    this.controller = controller;
    if (this.request.signal?.aborted) controller.abort(abortReason(this.request.signal));
  }

  onResponseStart(_controller: Controller, status: number, headers: IncomingHttpHeaders): void {
    this.status = status;
    this.headers = headers;
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.collectedBytes += chunk.byteLength;
    if (this.collectedBytes > MAX_ANSWER_BYTES) controller.abort(this.tooLong());
    else this.chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.release();
    this.settle(this.answer());
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.release();
    this.fail(this.failures.ofConnection(this.request.operation, error));
  }

  protected abstract answer(): Answer;

  protected collected(): Buffer {
    return this.chunks.length === 1 ? (this.chunks[0] as Buffer) : Buffer.concat(this.chunks);
  }

  protected release(): void {
    if (this.onAbort) this.request.signal?.removeEventListener('abort', this.onAbort);
  }

  /** Before the request has a connection there is nothing to abort yet: the promise fails at once all the same. */
  private abort(reason: Error): void {
    if (this.controller) this.controller.abort(reason);
    else this.fail(this.failures.ofConnection(this.request.operation, reason));
  }

  private tooLong(): StorageError {
    return this.failures.ofProtocol(
      this.request.operation,
      `an answer of more than ${MAX_ANSWER_BYTES} bytes`,
    );
  }
}

/** Gathers a whole answer. */
export class CollectedAnswer extends AnswerHandler<S3Answer> {
  protected answer(): S3Answer {
    return { status: this.status, headers: this.headers, body: this.collected() };
  }
}

/** Hands the content of a 2xx answer on as a stream, and gathers every other answer. */
export class StreamedAnswer extends AnswerHandler<S3ContentAnswer> {
  private content: ContentBody | undefined;

  constructor(
    request: AnswerableRequest,
    failures: S3Failures,
    private readonly resolve: (answer: S3ContentAnswer) => void,
    reject: (error: StorageError) => void,
  ) {
    super(request, failures, resolve, reject);
  }

  override onResponseStart(controller: Controller, status: number, headers: IncomingHttpHeaders): void {
    super.onResponseStart(controller, status, headers);
    if (status < 200 || status >= 300) return;
    const cut = () => this.failures.ofLength(this.request.operation);
    this.content = new ContentBody(controller, lengthOf(headers), cut);
    this.resolve({ status, headers, body: Buffer.alloc(0), content: this.content });
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.content === undefined) super.onResponseData(controller, chunk);
    else this.content.accept(chunk);
  }

  override onResponseEnd(): void {
    if (this.content === undefined) super.onResponseEnd();
    else {
      this.release();
      this.content.finish();
    }
  }

  override onResponseError(controller: Controller, error: Error): void {
    if (this.content === undefined) super.onResponseError(controller, error);
    else {
      this.release();
      this.content.destroy(this.failures.ofConnection(this.request.operation, error));
    }
  }

  protected answer(): S3ContentAnswer {
    return { status: this.status, headers: this.headers, body: this.collected() };
  }
}

/** The content on its way: ends after exactly the announced bytes, or with a StorageError. */
class ContentBody extends Readable {
  private seenBytes = 0;
  private isComplete = false;

  constructor(
    private readonly controller: Controller,
    private readonly sizeBytes: number | undefined,
    private readonly cut: () => StorageError,
  ) {
    super({ highWaterMark: 128 * 1024 });
  }

  override _read(): void {
    this.controller.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (!this.isComplete) this.controller.abort(error ?? new Error('the reader went away'));
    callback(error);
  }

  accept(chunk: Buffer): void {
    this.seenBytes += chunk.byteLength;
    if (!this.destroyed && !this.push(chunk)) this.controller.pause();
  }

  finish(): void {
    this.isComplete = true;
    const isWhole = this.sizeBytes === undefined || this.sizeBytes === this.seenBytes;
    if (isWhole) this.push(null);
    else this.destroy(this.cut());
  }
}

function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const length = headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

function abortReason(signal: AbortSignal): Error {
  const error = new Error('the call was aborted', { cause: signal.reason });
  error.name = 'AbortError';
  return error;
}
