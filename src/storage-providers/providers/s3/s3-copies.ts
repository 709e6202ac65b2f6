import { assertObjectKey } from '../../object-key.js';
import { assertCopyLength, copyDiffers, copyExists } from '../../copy-failures.js';
import { isStorageError } from '../../storage-errors.js';
import type {
  CallOptions,
  CopiedObject,
  CopyOptions,
  ObjectCopies,
  PartToCopy,
  UploadedPart,
} from '../../storage-provider.js';
import { encodeKey } from './s3-address.js';
import type { S3Answer } from './s3-call.js';
import { rootElement } from './s3-failures.js';
import { plainEtag, type S3Objects } from './s3-objects.js';
import type { S3Call, S3Session } from './s3-session.js';

/** A provider may be silent for so long while it copies; several GiB take their time. */
const COPY_MS = 5 * 60_000;
/** The MD5 of a content, or of the MD5s of its parts. */
const DIGEST = /^[0-9a-f]{32}(?:-\d{1,5})?$/i;

type CopyCall = Pick<S3Call, 'key' | 'query' | 'headers' | 'signal'> & {
  readonly operation: 'copy' | 'copy_part';
};

/**
 * CopyObject and UploadPartCopy. Both may answer 200 before they know how they end, so the answer's document decides
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html), and the copy itself is looked at.
 */
export class S3Copies implements ObjectCopies {
  readonly maxCopyBytes: number;
  // Truly private: whoever logs a storage must not find its credentials in it.
  readonly #session: S3Session;
  readonly #objects: S3Objects;

  constructor(session: S3Session, objects: S3Objects) {
    this.#session = session;
    this.#objects = objects;
    this.maxCopyBytes = session.settings.quirks.maxPutBytes;
  }

  async copy(fromKey: string, toKey: string, options: CopyOptions): Promise<CopiedObject> {
    assertObjectKey(fromKey, 'copy');
    assertObjectKey(toKey, 'copy');
    const { sizeBytes, sha256, createOnly, signal } = options;
    const source = await this.#objects.head(fromKey, { signal });
    assertCopyLength('source', source.sizeBytes, sizeBytes);
    if (createOnly && (await this.exists(toKey, signal))) throw copyExists();
    const asksDigest = sha256 !== undefined && this.#session.settings.quirks.copying.sha256;
    const answer = await this.send('CopyObjectResult', {
      operation: 'copy',
      key: toKey,
      headers: {
        ...this.sourceHeaders(fromKey, source.etag),
        ...(asksDigest && { 'x-amz-checksum-algorithm': 'SHA256' }),
      },
      signal,
    });
    const copy = await this.#objects.head(toKey, { signal });
    const digest = asksDigest ? wholeDigest(answer) : undefined;
    try {
      assertCopyLength('copy', copy.sizeBytes, sizeBytes);
      if (digest !== undefined && !digest.equals(sha256!)) throw copyDiffers();
    } catch (error) {
      await this.#objects.delete(toKey).catch(() => undefined);
      throw error;
    }
    const isSame = copy.etag === source.etag && DIGEST.test(copy.etag);
    return { etag: copy.etag, proof: digest !== undefined ? 'sha256' : isSame ? 'digest' : 'length' };
  }

  async copyPart(
    fromKey: string,
    toKey: string,
    { uploadId, partNumber, range, sourceEtag }: PartToCopy,
    { signal }: CallOptions = {},
  ): Promise<UploadedPart> {
    assertObjectKey(fromKey, 'copy_part');
    assertObjectKey(toKey, 'copy_part');
    const { start, end } = range;
    const answer = await this.send('CopyPartResult', {
      operation: 'copy_part',
      key: toKey,
      query: `partNumber=${partNumber}&uploadId=${encodeURIComponent(uploadId)}`,
      headers: {
        ...this.sourceHeaders(fromKey, sourceEtag),
        'x-amz-copy-source-range': `bytes=${start}-${end}`,
      },
      signal,
    });
    const etag = plainEtag(textOf(answer, 'ETag'));
    if (etag === undefined) throw this.#session.failures.ofProtocol('copy_part', 'a part without an ETag');
    return { partNumber, etag, sizeBytes: end - start + 1 };
  }

  private sourceHeaders(key: string, etag: string): Record<string, string> {
    const { bucket, quirks } = this.#session.settings;
    return {
      'x-amz-copy-source': `/${encodeKey(bucket)}/${encodeKey(key)}`,
      ...(quirks.copying.conditional && { 'x-amz-copy-source-if-match': `"${etag}"` }),
    };
  }

  /** The text of a document with this root, whatever the status says. */
  private async send(root: string, call: CopyCall): Promise<string> {
    const { failures } = this.#session;
    const { operation } = call;
    const answer: S3Answer = await this.#session.call({
      ...call,
      method: 'PUT',
      body: Buffer.alloc(0),
      sizeBytes: 0,
      responseMs: COPY_MS,
    });
    if (answer.status !== 200) throw failures.ofAnswer(operation, answer);
    const found = rootElement(answer.body);
    if (found === 'Error') throw failures.ofAnswer(operation, { ...answer, status: 500 });
    const text = answer.body.toString('utf8').trimEnd();
    if (found !== root || !text.endsWith(`</${root}>`))
      throw failures.ofProtocol(operation, `no whole ${root} document`, answer);
    return text;
  }

  private async exists(key: string, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await this.#objects.head(key, { signal });
      return true;
    } catch (error) {
      if (isStorageError(error, 'object_not_found')) return false;
      throw error;
    }
  }
}

/** The SHA-256 of the whole copy; one with a number at its end is made of parts' digests and says nothing here. */
function wholeDigest(answer: string): Buffer | undefined {
  const text = textOf(answer, 'ChecksumSHA256');
  return text === undefined || !/^[A-Za-z0-9+/]{43}=$/.test(text) ? undefined : Buffer.from(text, 'base64');
}

function textOf(document: string, element: 'ETag' | 'ChecksumSHA256'): string | undefined {
  const [, text] = new RegExp(`<${element}>([^<]{1,1100})</${element}>`).exec(document) ?? [];
  return text?.replace(/&(?:quot|#34);/g, '"');
}
