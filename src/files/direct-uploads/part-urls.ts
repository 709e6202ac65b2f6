import { RequestError } from '../../errors/request-errors.js';
import type { ObjectStorage, SignedRequest } from '../../storage-providers/storage-provider.js';
import { URL_SECONDS } from './direct-limits.js';
import { type DirectUpload, partSizeOf } from './direct-upload.js';

/** One thing that a client may send to the bucket. */
export interface PartUrl {
  readonly partNumber: number;
  readonly sizeBytes: number;
  readonly request: SignedRequest;
}

/** A part to be signed, with its MD5 (16 bytes) if the client told it. */
export interface WantedPart {
  readonly partNumber: number;
  readonly md5?: Buffer;
}

/**
 * Signs a URL for each part. It takes a body of the part's length only, and of its digest where the client told one and
 * the bucket compares it. One PUT is create-only where the bucket can: it cannot change what is there already.
 * @throws RequestError `bad_request` for a bucket that cannot sign; StorageError
 */
export function signParts(
  upload: DirectUpload,
  storage: ObjectStorage,
  wanted: readonly WantedPart[],
): Promise<PartUrl[]> {
  return Promise.all(
    wanted.map(async (part) => ({
      partNumber: part.partNumber,
      sizeBytes: partSizeOf(upload, part.partNumber),
      request: withoutLength(await signOne(upload, storage, part)),
    })),
  );
}

/** Whether a PUT signed for this storage takes only content of the announced SHA-256. */
export function isBinding({ capabilities }: ObjectStorage): boolean {
  return capabilities.contentBound === 'sha256';
}

async function signOne(
  upload: DirectUpload,
  { signedUrls, capabilities }: ObjectStorage,
  { partNumber, md5 }: WantedPart,
): Promise<SignedRequest> {
  const { objectKey, multipartId, checksum, sizeBytes } = upload;
  const expiresInSeconds = URL_SECONDS;
  if (multipartId === undefined) {
    const whole = md5 ?? (upload.md5 === undefined ? undefined : Buffer.from(upload.md5, 'hex'));
    const request = signedUrls?.signPut(objectKey, {
      expiresInSeconds,
      sizeBytes,
      createOnly: capabilities.createOnly,
      md5: whole,
      sha256: checksum === undefined ? undefined : Buffer.from(checksum, 'hex'),
    });
    return (await request) ?? cannotSign();
  }
  const options = { expiresInSeconds, partNumber, sizeBytes: partSizeOf(upload, partNumber), md5 };
  return (await signedUrls?.signPart?.(objectKey, multipartId, options)) ?? cannotSign();
}

/** Every HTTP client sends it by itself, and browsers let nobody set it. */
function withoutLength(request: SignedRequest): SignedRequest {
  const { 'content-length': _length, ...headers } = request.headers;
  return { ...request, headers };
}

function cannotSign(): never {
  throw new RequestError(
    'bad_request',
    'This bucket cannot sign URLs, so files cannot go straight into it. Upload them by PUT /api/v1/files.',
  );
}
