import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { assertObjectKey } from '../../object-key.js';
import { StorageError, type StorageOperation } from '../../storage-errors.js';
import type {
  ByteRange,
  CallOptions,
  GetOptions,
  ObjectBody,
  ObjectContent,
  ObjectHead,
  PutOptions,
  StoredObject,
} from '../../storage-provider.js';
import { ExactBody, slicesOf, wrongLength } from './exact-body.js';
import type { S3Session } from './s3-session.js';
import type { S3Answer, S3ContentAnswer } from './s3-call.js';

/** Reading and writing single objects without the SDK: this is the path that every file takes. */
export class S3Objects {
  constructor(private readonly session: S3Session) {}

  async put(key: string, body: ObjectBody, options: PutOptions): Promise<StoredObject> {
    assertObjectKey(key, 'put');
    if (options.sizeBytes > this.session.settings.quirks.maxPutBytes) throw tooLarge();
    const headers = bindingHeaders(this.session, options);
    if (options.contentType !== undefined) headers['content-type'] = options.contentType;
    if (options.createOnly && this.session.capabilities.createOnly) headers['if-none-match'] = '*';
    return this.send('put', key, undefined, headers, body, options);
  }

  /** Sends the body of one object or part; `query` names the part. */
  async send(
    operation: StorageOperation,
    key: string,
    query: string | undefined,
    headers: Record<string, string>,
    body: ObjectBody,
    options: Pick<PutOptions, 'sizeBytes' | 'sha256' | 'signal'>,
  ): Promise<StoredObject> {
    const { sizeBytes, sha256, signal } = options;
    try {
      const payload = await payloadOf(body, operation, sizeBytes, this.session.idleBodyMs);
      const payloadHash = sha256 && Buffer.from(sha256).toString('hex');
      const answer = await this.session.call({
        operation,
        method: 'PUT',
        key,
        query,
        headers,
        body: payload,
        sizeBytes,
        payloadHash,
        signal,
      });
      if (answer.status !== 200) throw this.session.failures.ofAnswer(operation, answer);
      return { etag: this.etagOf(operation, answer) };
    } catch (error) {
      if (body instanceof Readable) body.destroy();
      throw error;
    }
  }

  async get(key: string, options: GetOptions = {}): Promise<ObjectContent> {
    assertObjectKey(key, 'get');
    const { range, signal } = options;
    const headers = range && { range: `bytes=${range.start}-${range.end}` };
    const call = { operation: 'get', method: 'GET', key, headers, signal } as const;
    const answer = (options.lend && (await this.session.lend(call))) || (await this.session.open(call));
    const { content } = answer;
    if (content === undefined) throw this.session.failures.ofAnswer('get', answer);
    try {
      return this.contentOf(answer, content, range);
    } catch (error) {
      content.on('error', () => undefined).destroy();
      throw error;
    }
  }

  async head(key: string, { signal }: CallOptions = {}): Promise<ObjectHead> {
    assertObjectKey(key, 'head');
    const answer = await this.session.call({ operation: 'head', method: 'HEAD', key, signal });
    if (answer.status !== 200) throw await this.whyNoHead(key, answer, signal);
    return {
      key,
      sizeBytes: this.lengthOf('head', answer),
      etag: this.etagOf('head', answer),
      lastModified: this.modifiedOf('head', answer),
      contentType: answer.headers['content-type'],
    };
  }

  async delete(key: string, { signal }: CallOptions = {}): Promise<void> {
    assertObjectKey(key, 'delete');
    const answer = await this.session.call({ operation: 'delete', method: 'DELETE', key, signal });
    if (answer.status === 204 || answer.status === 200) return;
    const failure = this.session.failures.ofAnswer('delete', answer);
    if (failure.code !== 'object_not_found') throw failure;
  }

  /** An answer to HEAD has no body and so no code: the same question as a GET tells bucket, key and clock apart. */
  private async whyNoHead(key: string, head: S3Answer, signal?: AbortSignal): Promise<StorageError> {
    const { failures } = this.session;
    if (![400, 403, 404].includes(head.status)) return failures.ofAnswer('head', head, false);
    const headers = { range: 'bytes=0-0' };
    const answer = await this.session.call({ operation: 'head', method: 'GET', key, headers, signal });
    const isTelling = answer.status >= 300 && answer.status !== 416;
    return failures.ofAnswer('head', isTelling ? answer : head, isTelling);
  }

  private contentOf(answer: S3ContentAnswer, body: Readable, range: ByteRange | undefined): ObjectContent {
    const sizeBytes = this.lengthOf('get', answer);
    const totalBytes = range ? this.totalOf(answer, range, sizeBytes) : sizeBytes;
    if (!range && answer.status !== 200)
      throw this.broken('get', 'a part of an object that was asked for whole');
    return {
      body,
      sizeBytes,
      totalBytes,
      etag: this.etagOf('get', answer),
      contentType: answer.headers['content-type'],
      lastModified: this.modifiedOf('get', answer),
    };
  }

  /** Checks that the part is the one that was asked for, and answers the length of the whole. */
  private totalOf({ status, headers }: S3Answer, range: ByteRange, sizeBytes: number): number {
    const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(headers['content-range'] ?? '');
    const [start, end, total] = (match ?? []).slice(1).map(Number);
    const isAsked =
      status === 206 &&
      start === range.start &&
      end === Math.min(range.end, (total ?? 0) - 1) &&
      sizeBytes === end - start + 1;
    if (!isAsked || total === undefined)
      throw this.broken('get', 'another range than the one that was asked for');
    return total;
  }

  private lengthOf(operation: StorageOperation, { headers }: S3Answer): number {
    const length = headers['content-length'] ?? '';
    const sizeBytes = /^\d{1,16}$/.test(length) ? Number(length) : NaN;
    if (!Number.isSafeInteger(sizeBytes)) throw this.broken(operation, 'an object without a length');
    return sizeBytes;
  }

  private etagOf(operation: StorageOperation, { headers }: S3Answer): string {
    const etag = plainEtag(headers.etag);
    if (etag === undefined) throw this.broken(operation, 'an answer without an ETag');
    return etag;
  }

  private modifiedOf(operation: StorageOperation, { headers }: { headers: IncomingHttpHeaders }): Date {
    const date = new Date(headers['last-modified'] ?? '');
    if (Number.isNaN(date.getTime())) throw this.broken(operation, 'an object without a date');
    return date;
  }

  private broken(operation: StorageOperation, what: string): StorageError {
    return this.session.failures.ofProtocol(operation, what);
  }
}

const QUOTE = 0x22;
const MAX_ETAG_CHARACTERS = 1_024;

/** Without quotes; undefined when there is none that can be trusted. */
export function plainEtag(header: string | undefined): string | undefined {
  if (!header || header.length > MAX_ETAG_CHARACTERS) return undefined;
  const start = header.startsWith('W/') ? 2 : 0;
  const isQuoted = header.charCodeAt(start) === QUOTE && header.endsWith('"') && header.length > start + 1;
  return (isQuoted ? header.slice(start + 1, -1) : header.slice(start)) || undefined;
}

/** Headers by which the provider refuses other bytes than the intended ones. */
export function bindingHeaders(
  session: S3Session,
  { md5, sha256 }: Pick<PutOptions, 'md5' | 'sha256'>,
): Record<string, string> {
  const headers: Record<string, string> = {};
  if (md5) headers['content-md5'] = Buffer.from(md5).toString('base64');
  if (sha256 && session.capabilities.contentBound === 'sha256') {
    headers['x-amz-checksum-sha256'] = Buffer.from(sha256).toString('base64');
  }
  return headers;
}

function tooLarge(): StorageError {
  return new StorageError('provider_error', 'The object is too large for a single upload.', {
    operation: 'put',
    hint: 'Send it as a multipart upload.',
    retryable: false,
    providerCode: 'EntityTooLarge',
  });
}

/** Larger buffers go out in slices: each one renews the deadlines, and none is copied. */
const SLICE_BYTES = 256 * 1024;

/** What undici sends, exactly `sizeBytes` long. Rejects with `integrity` when a buffer or an empty stream is not. */
async function payloadOf(
  body: ObjectBody,
  operation: StorageOperation,
  sizeBytes: number,
  idleMs: number,
): Promise<Uint8Array | Readable> {
  if (!(body instanceof Readable)) {
    if (body.byteLength === sizeBytes) {
      return sizeBytes <= SLICE_BYTES ? body : Readable.from(slicesOf(body, SLICE_BYTES));
    }
    throw wrongLength(operation, `${body.byteLength} instead of the ${sizeBytes} bytes`);
  }
  const exact = new ExactBody(body, { sizeBytes, idleMs, operation });
  // Whoever awaits the answer hears of a failure; nobody else listens once the request is over.
  exact.on('error', () => undefined);
  if (sizeBytes > 0) return exact;
  // A request without a body is whole as soon as it is sent: first see that there is nothing to send.
  for await (const chunk of exact) void chunk;
  return Buffer.alloc(0);
}
