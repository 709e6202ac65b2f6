import { createHash } from 'node:crypto';
import { isNativeError } from 'node:util/types';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import type { StorageOperation } from '../../storage-errors.js';
import { rootElement } from './s3-failures.js';
import type { S3Session } from './s3-session.js';
import { UNSIGNED_PAYLOAD } from './s3-signer.js';
import type { S3Answer, S3Request } from './s3-call.js';

/**
 * The few calls that speak XML. The SDK's client writes and reads the documents; signature, connections, deadlines
 * and words for failures are those of every other call, because the SDK has no deadline, no bound on an answer and
 * takes a web page for an empty listing. The SDK is loaded by the first of these calls: most processes make none.
 */
export class S3Documents {
  private lazyClient: S3Client | undefined;

  constructor(private readonly session: S3Session) {}

  /** Runs `call` on the SDK's client. Rejects with a StorageError and with nothing else. */
  async ask<Output>(
    operation: StorageOperation,
    call: (client: S3Client, sdk: S3Sdk) => Promise<Output>,
  ): Promise<Output> {
    const sdk = await import('@aws-sdk/client-s3');
    this.lazyClient ??= new sdk.S3Client(clientConfig(this.session));
    try {
      return await call(this.lazyClient, sdk);
    } catch (error) {
      if (error instanceof Refused) throw error.reason;
      // The SDK notices an abort by itself, sometimes before the transport does.
      if (isNativeError(error) && error.name === 'AbortError') {
        throw this.session.failures.ofConnection(operation, error);
      }
      throw this.session.failures.ofProtocol(operation, 'an answer that cannot be read');
    }
  }
}

type S3Sdk = typeof import('@aws-sdk/client-s3');

/** Carries a StorageError through the SDK's middleware, which writes its own fields into what it catches. */
class Refused extends Error {
  constructor(readonly reason: unknown) {
    super('refused');
  }
}

function clientConfig(session: S3Session): S3ClientConfig {
  const { region, endpoint, credentials } = session.settings;
  return {
    region,
    endpoint: endpoint.href,
    credentials,
    forcePathStyle: session.address.pathStyle,
    maxAttempts: 1,
    followRegionRedirects: false,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // What is absent here the SDK would look for in the environment and in ~/.aws of the server.
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    useArnRegion: false,
    disableS3ExpressSessionAuth: true,
    disableMultiregionAccessPoints: true,
    defaultsMode: 'standard',
    retryMode: 'standard',
    userAgentAppId: 'stowage',
    defaultUserAgentProvider: async () => [['stowage', '1']],
    signer: { sign: async (request) => request },
    requestHandler: {
      handle: (request: SdkRequest, options?: { readonly abortSignal?: unknown }) =>
        handle(session, request, options?.abortSignal as AbortSignal | undefined),
      updateHttpClientConfig: () => undefined,
      httpHandlerConfigs: () => ({}),
    },
  };
}

/** The SDK's request, as far as it is used here. */
interface SdkRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null | undefined>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface DocumentKind {
  readonly method: S3Request['method'];
  readonly parameter: string;
  readonly operation: StorageOperation;
  readonly root: string;
  /** It must say whether there is more: the SDK takes any odd word for "no". */
  readonly isPage?: true;
}

const DOCUMENTS: readonly DocumentKind[] = [
  { method: 'GET', parameter: 'list-type', operation: 'list', root: 'ListBucketResult', isPage: true },
  {
    method: 'GET',
    parameter: 'uploads',
    operation: 'list_multipart',
    root: 'ListMultipartUploadsResult',
    isPage: true,
  },
  { method: 'GET', parameter: 'uploadId', operation: 'list_parts', root: 'ListPartsResult', isPage: true },
  {
    method: 'POST',
    parameter: 'uploads',
    operation: 'create_multipart',
    root: 'InitiateMultipartUploadResult',
  },
  {
    method: 'POST',
    parameter: 'uploadId',
    operation: 'complete_multipart',
    root: 'CompleteMultipartUploadResult',
  },
];

async function handle(session: S3Session, request: SdkRequest, signal: AbortSignal | undefined) {
  const kind = DOCUMENTS.find(
    ({ method, parameter }) => method === request.method && request.query?.[parameter] !== undefined,
  );
  if (kind === undefined) throw new TypeError(`no document is known for ${request.method}`);
  const { host: _host, ...headers } = request.headers;
  const body = bodyOf(request.body);
  const payloadHash = body ? createHash('sha256').update(body).digest('hex') : UNSIGNED_PAYLOAD;
  const path = request.path + queryString(request.query);
  const { method, operation } = kind;
  try {
    const answer = await session.callSigned({ operation, method, path, headers, body, signal }, payloadHash);
    assertDocument(session, kind, answer);
    return { response: { statusCode: answer.status, headers: answer.headers, body: answer.body } };
  } catch (error) {
    throw new Refused(error);
  }
}

/** An error document with status 200 is an error: multipart completion answers its status before its outcome. */
function assertDocument({ failures }: S3Session, kind: DocumentKind, answer: S3Answer): void {
  const { operation, root } = kind;
  const { status, body } = answer;
  const found = rootElement(body);
  if (status !== 200 || found === 'Error') {
    throw failures.ofAnswer(operation, status === 200 ? { ...answer, status: 500 } : answer);
  }
  if (found !== root) throw failures.ofProtocol(operation, `no ${root} document`, answer);
  const tail = body
    .subarray(-root.length - 64)
    .toString('utf8')
    .trimEnd();
  if (!tail.endsWith(`</${root}>`)) throw failures.ofProtocol(operation, `a ${root} without its end`, answer);
  const saysMore = body.includes('<IsTruncated>true</IsTruncated>');
  const saysEnd = body.includes('<IsTruncated>false</IsTruncated>');
  if (kind.isPage && saysMore === saysEnd) {
    throw failures.ofProtocol(operation, `a ${root} that does not say whether it is complete`, answer);
  }
}

function bodyOf(body: unknown): Buffer | undefined {
  if (body instanceof Uint8Array) return Buffer.from(body);
  return typeof body === 'string' && body !== '' ? Buffer.from(body) : undefined;
}

function queryString(query: SdkRequest['query'] = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value ?? ''].flat().map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(one)}`),
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}
