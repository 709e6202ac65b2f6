import type { IncomingHttpHeaders } from 'node:http';
import { isNativeError } from 'node:util/types';
import { classify } from '../../classify.js';
import { StorageError, type StorageOperation } from '../../storage-errors.js';
import type { ProviderName } from '../../storage-provider.js';
import type { S3Answer } from './s3-call.js';

/** Turns what went wrong in a call to one bucket into a StorageError, without the provider's own words. */
export class S3Failures {
  constructor(
    private readonly provider: ProviderName,
    private readonly bucket: string,
    private readonly now: () => number,
  ) {}

  /** No complete answer: undici's, Node's or the body's error, or an abort. */
  ofConnection(operation: StorageOperation, error: unknown): StorageError {
    if (error instanceof StorageError) return error;
    const { provider, bucket } = this;
    return classify({ provider, bucket, operation, errno: errnoOf(error), cause: error });
  }

  /** An answer that is not what was asked for. */
  ofAnswer(operation: StorageOperation, answer: S3Answer, hasBody = true): StorageError {
    const { provider, bucket } = this;
    const parsed = readError(answer.body);
    const headers = flat(answer.headers);
    if (parsed?.region) headers['x-amz-bucket-region'] ??= parsed.region;
    return classify({
      provider,
      bucket,
      operation,
      httpStatus: answer.status,
      code: parsed?.code,
      message: parsed?.message,
      headers,
      bodyIsExpectedShape: hasBody ? parsed !== undefined : undefined,
      nowMs: this.now(),
    });
  }

  /** A good status with an answer that breaks the protocol: never to be taken for "nothing there". */
  ofProtocol(operation: StorageOperation, what: string, answer?: Pick<S3Answer, 'status'>): StorageError {
    return new StorageError(
      'provider_error',
      `This address answers, but not as an S3 service does: ${what}.`,
      {
        operation,
        hint: 'Check the endpoint: it must be the object store itself, not a web page, a console port or a proxy.',
        retryable: false,
        providerCode: 'PROVIDER_PROTOCOL_ERROR',
        httpStatus: answer?.status,
      },
    );
  }

  /** The bytes that came are not as many as were announced. */
  ofLength(operation: StorageOperation): StorageError {
    return new StorageError('integrity', 'The content ended before all of its bytes had arrived.', {
      operation,
      hint: 'It is read again; if it stays, suspect a proxy or the network in between.',
      retryable: true,
      providerCode: 'WRONG_LENGTH',
    });
  }
}

/** Whether the text is an S3 error, also when it comes with a good status. */
function isErrorDocument(body: Buffer): boolean {
  return rootElement(body) === 'Error';
}

/** The name of an XML document's root element; undefined when it is no XML. */
export function rootElement(body: Buffer): string | undefined {
  const head = body.subarray(0, 4_096).toString('utf8');
  return /^\uFEFF?\s*(?:<\?xml[^>]{0,200}\?>\s*)?<([A-Za-z]{1,64})[\s>/]/.exec(head)?.[1];
}

/** An error document is below 2 KiB; its head is all that is read. */
const MAX_ERROR_BYTES = 16 * 1024;

function readError(body: Buffer): { code: string; message?: string; region?: string } | undefined {
  if (!isErrorDocument(body)) return undefined;
  const text = body.subarray(0, MAX_ERROR_BYTES).toString('utf8');
  const code = /<Code>\s{0,9}([\w.:-]{1,80})\s{0,9}<\/Code>/.exec(text)?.[1];
  if (code === undefined) return undefined;
  return {
    code,
    message: /<Message>([^<]{0,2000})/.exec(text)?.[1]?.replace(/&(?:apos|#39);/g, "'"),
    region: /<Region>([a-z0-9-]{1,32})<\/Region>/.exec(text)?.[1],
  };
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  const flattened: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flattened[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return flattened;
}

/** The outermost name or code that says what happened. */
function errnoOf(error: unknown): string | undefined {
  let at = error;
  for (let depth = 0; depth < 5 && isNativeError(at); depth += 1) {
    if (at.name === 'AbortError' || at.name === 'TimeoutError') return at.name;
    if ('code' in at && typeof at.code === 'string') return at.code;
    at = at.cause;
  }
  return undefined;
}
