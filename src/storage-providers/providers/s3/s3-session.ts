import type { Readable } from 'node:stream';
import { StorageError, type StorageOperation } from '../../storage-errors.js';
import type { ConnectContext, ProviderName, StorageCapabilities } from '../../storage-provider.js';
import { addressOf, encodeKey, type S3Address } from './s3-address.js';
import { S3Failures } from './s3-failures.js';
import type { S3Quirks } from './s3-quirks.js';
import { S3Signer, UNSIGNED_PAYLOAD, type S3Credentials } from './s3-signer.js';
import type { S3Answer, S3ContentAnswer, S3Request } from './s3-call.js';
import { S3Transport } from './s3-transport.js';

/** One bucket of one member of the S3 family. */
export interface S3Settings {
  readonly provider: ProviderName;
  readonly bucket: string;
  readonly region: string;
  /** The provider's address, without the bucket. */
  readonly endpoint: URL;
  readonly credentials: S3Credentials;
  readonly quirks: S3Quirks;
}

export interface S3Call {
  readonly operation: StorageOperation;
  readonly method: S3Request['method'];
  readonly key: string;
  /** Percent-encoded, without the question mark. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | Readable;
  readonly sizeBytes?: number;
  /** SHA-256 of the body in hex: every member compares it. */
  readonly payloadHash?: string;
  readonly responseMs?: number;
  readonly signal?: AbortSignal;
}

/** What all calls to one bucket have in common: address, signature, connections, and words for failures. */
export class S3Session {
  readonly address: S3Address;
  readonly capabilities: StorageCapabilities;
  readonly failures: S3Failures;
  readonly signer: S3Signer;
  readonly now: () => number;
  readonly idleBodyMs: number;
  private readonly transport: S3Transport;

  /** Throws a StorageError when the dialling policy forbids the endpoint. */
  constructor(
    readonly settings: S3Settings,
    context: ConnectContext,
  ) {
    const { provider, bucket, region, endpoint, credentials, quirks } = settings;
    this.now = context.now ?? (() => new Date().getTime());
    this.idleBodyMs = context.timeouts.idleBodyMs;
    this.capabilities = { ...quirks.promised, ...context.capabilities };
    this.address = addressOf(endpoint, bucket, quirks.addressing);
    this.failures = new S3Failures(provider, bucket, this.now);
    this.signer = new S3Signer(credentials, region, this.address.host, this.now);
    this.transport = new S3Transport(this.address, context.dialer, context.timeouts, this.failures);
  }

  pathOf(key: string, query?: string): string {
    const path = `${this.address.basePath}/${encodeKey(key)}`;
    return query === undefined ? path : `${path}?${query}`;
  }

  /** Resolves with any HTTP answer; rejects with a StorageError when there was none. */
  async call(call: S3Call): Promise<S3Answer> {
    return this.transport.call(this.requestOf(call));
  }

  async open(call: S3Call): Promise<S3ContentAnswer> {
    return this.transport.open(this.requestOf(call));
  }

  /** As `open`, with content that is lent; undefined when only `open` can tell what the answer is. */
  async lend(call: S3Call): Promise<S3ContentAnswer | undefined> {
    return this.transport.lend(this.requestOf(call));
  }

  /** For requests that were made elsewhere and only need a signature and a connection. */
  async callSigned(
    request: Omit<S3Request, 'headers'> & { readonly headers: Readonly<Record<string, string>> },
    payloadHash: string,
  ): Promise<S3Answer> {
    return this.transport.call({ ...request, headers: this.signer.sign(request, payloadHash) });
  }

  close(): Promise<void> {
    return this.transport.close();
  }

  private requestOf(call: S3Call): S3Request {
    const { operation, method, key, query, body, sizeBytes, responseMs, signal } = call;
    if (signal?.aborted) throw aborted(operation, signal.reason);
    const path = this.pathOf(key, query);
    const signable = { method, path, headers: call.headers ?? {} };
    const headers = this.signer.sign(signable, call.payloadHash ?? UNSIGNED_PAYLOAD);
    // Not signed: proxies in front of some stores rewrite it.
    if (method === 'GET') headers['accept-encoding'] = 'identity';
    if (sizeBytes !== undefined) headers['content-length'] = String(sizeBytes);
    return { operation, method, path, headers, body, responseMs, signal };
  }
}

function aborted(operation: StorageOperation, cause: unknown): StorageError {
  return new StorageError('aborted', 'The call was aborted.', {
    operation,
    hint: 'Nothing to repair: the caller ended the call.',
    retryable: false,
    cause,
  });
}
