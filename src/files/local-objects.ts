import type { FastifyReply, FastifyRequest } from 'fastify';
import { RequestError } from '../errors/request-errors.js';
import type { LocalDiskSigner, LocalObjectGrant } from '../storage-providers/local-disk-signing.js';
import { LOCAL_OBJECTS_PATH } from '../storage-providers/local-disk-signing.js';
import { isStorageError } from '../storage-providers/storage-errors.js';
import type { ObjectStorage } from '../storage-providers/storage-provider.js';
import { contentRequestOf, planContent } from './content-headers.js';
import { sendContent } from './content-stream.js';
import { ExactBody } from './exact-body.js';
import { checksumMismatch, signedUrlExpired, signedUrlInvalid } from './file-errors.js';
import { MeasuredContent } from './measured-content.js';
import { OCTET_STREAM } from './media-type.js';
import { RequestBytes } from './request-bytes.js';

export interface LocalObjectsOptions {
  readonly signer: Pick<LocalDiskSigner, 'verify'>;
  readonly openBucket: (grant: LocalObjectGrant) => ObjectStorage;
}

/** Serves signed URLs of local_disk as a cloud serves its own: the URL alone says what may be done, and until when. */
export class LocalObjects {
  constructor(private readonly options: LocalObjectsOptions) {}

  /** @throws FilesError `signed_url_invalid`, `signed_url_expired`, and what `sendContent` throws */
  async send(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const grant = this.grantOf(request);
    const bucket = this.options.openBucket(grant);
    const { sizeBytes, etag, lastModified } = await bucket.head(grant.key);
    const content = {
      sizeBytes,
      tag: etag,
      modifiedAt: lastModified,
      contentType: grant.contentType ?? OCTET_STREAM,
      contentDisposition: grant.contentDisposition ?? 'attachment',
      checksum: undefined,
    };
    await sendContent(reply, planContent(content, contentRequestOf(request.headers)), {
      sizeBytes,
      crc32: undefined,
      open: (options) => bucket.get(grant.key, options),
    });
  }

  /**
   * Stores the request's body, which must be exactly as long as the URL says, as an object or as a part of one.
   * @returns its ETag
   * @throws FilesError `signed_url_invalid`, `signed_url_expired`, RequestError, StorageError
   */
  async receive(request: FastifyRequest): Promise<string> {
    const grant = this.grantOf(request);
    const { key, sizeBytes = 0, createOnly, md5, sha256, part } = grant;
    assertLength(request, sizeBytes);
    const bytes = new RequestBytes(request.raw, sizeBytes);
    const content = new MeasuredContent({ read: () => bytes.next() }, sizeBytes);
    const body = sizeBytes === 0 ? Buffer.alloc(0) : new ExactBody(content, sizeBytes, true);
    try {
      const { signal } = bytes;
      const bucket = this.options.openBucket(grant);
      if (part === undefined) {
        return (await bucket.put(key, body, { sizeBytes, createOnly, md5, sha256, signal })).etag;
      }
      const { uploadId, partNumber } = part;
      const stored = bucket.multipart!.uploadPart(key, uploadId, partNumber, body, {
        sizeBytes,
        md5,
        signal,
      });
      return (await stored).etag;
    } catch (error) {
      const failure = (body instanceof ExactBody && body.failure) || error;
      throw isStorageError(failure, 'integrity') ? checksumMismatch() : failure;
    } finally {
      bytes.release();
    }
  }

  private grantOf(request: FastifyRequest): LocalObjectGrant {
    const [path = ''] = request.url.split('?', 1);
    const verdict = this.options.signer.verify(request.method, path.slice(LOCAL_OBJECTS_PATH.length + 1));
    if (verdict.ok) return verdict.grant;
    throw verdict.reason === 'expired' ? signedUrlExpired() : signedUrlInvalid();
  }
}

function assertLength({ headers }: FastifyRequest, sizeBytes: number): void {
  const declared =
    headers['content-length'] ?? (headers['transfer-encoding'] === undefined ? '0' : undefined);
  if (declared !== undefined && Number(declared) === sizeBytes) return;
  throw new RequestError(
    'bad_request',
    `This URL takes a body of exactly ${sizeBytes} bytes; send that Content-Length.`,
  );
}
