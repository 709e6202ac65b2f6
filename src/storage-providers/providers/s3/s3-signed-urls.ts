import { assertObjectKey } from '../../object-key.js';
import { StorageError } from '../../storage-errors.js';
import type {
  SignGetOptions,
  SignPartOptions,
  SignPutOptions,
  SignedRequest,
  SignedUrls,
} from '../../storage-provider.js';
import { bindingHeaders } from './s3-objects.js';
import type { S3Session } from './s3-session.js';
import { MAX_SIGNED_SECONDS } from './s3-signer.js';

/**
 * URLs that carry their signature. A signed PUT is good for one body only: its length and, where the provider
 * compares them, its digest and create-only are signed headers (hoisted into the query, S3 would ignore them).
 */
export class S3SignedUrls implements SignedUrls {
  readonly #session: S3Session;

  constructor(session: S3Session) {
    this.#session = session;
  }

  async signGet(key: string, options: SignGetOptions): Promise<SignedRequest> {
    const query = [
      ['response-content-disposition', options.contentDisposition],
      ['response-content-type', options.contentType],
    ].flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]));
    return this.signed('GET', key, query.join('&') || undefined, {}, options.expiresInSeconds);
  }

  async signPut(key: string, options: SignPutOptions): Promise<SignedRequest> {
    const headers = bindingHeaders(this.#session, options);
    headers['content-length'] = String(options.sizeBytes);
    if (options.createOnly && this.#session.capabilities.createOnly) headers['if-none-match'] = '*';
    return this.signed('PUT', key, undefined, headers, options.expiresInSeconds);
  }

  /** Without create-only: that is for the end of the upload to say. */
  async signPart(key: string, uploadId: string, options: SignPartOptions): Promise<SignedRequest> {
    const headers = bindingHeaders(this.#session, { md5: options.md5 });
    headers['content-length'] = String(options.sizeBytes);
    const query = `partNumber=${options.partNumber}&uploadId=${encodeURIComponent(uploadId)}`;
    return this.signed('PUT', key, query, headers, options.expiresInSeconds);
  }

  private signed(
    method: 'GET' | 'PUT',
    key: string,
    query: string | undefined,
    headers: Readonly<Record<string, string>>,
    expiresInSeconds: number,
  ): SignedRequest {
    assertObjectKey(key, 'sign');
    if (!(expiresInSeconds >= 1 && expiresInSeconds <= MAX_SIGNED_SECONDS)) throw badExpiry();
    const session = this.#session;
    const seconds = Math.floor(expiresInSeconds);
    const path = session.signer.presign({ method, path: session.pathOf(key, query), headers }, seconds);
    return {
      method,
      url: session.address.origin + path,
      headers,
      expiresAt: new Date(session.now() + seconds * 1_000),
    };
  }
}

function badExpiry(): StorageError {
  return new StorageError('provider_error', 'A signed URL lives between one second and seven days.', {
    operation: 'sign',
    hint: 'Ask for a shorter life.',
    retryable: false,
    providerCode: 'INVALID_EXPIRY',
  });
}
