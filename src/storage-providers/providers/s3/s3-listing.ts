import type { ListObjectsV2CommandInput, ListObjectsV2CommandOutput, _Object } from '@aws-sdk/client-s3';
import type { StorageError } from '../../storage-errors.js';
import type { ListOptions, ListPage, ObjectInfo } from '../../storage-provider.js';
import type { S3Documents } from './s3-documents.js';
import { plainEtag } from './s3-objects.js';
import type { S3Session } from './s3-session.js';

const MAX_PAGE = 1_000;

/** One page of a bucket, complete or an error: every field that a wrong answer would leave out is demanded. */
export class S3Listing {
  constructor(
    private readonly session: S3Session,
    private readonly documents: S3Documents,
  ) {}

  async page({ prefix, cursor, limit = MAX_PAGE, signal }: ListOptions): Promise<ListPage> {
    const maxKeys = Math.max(1, Math.min(limit, MAX_PAGE));
    const input: ListObjectsV2CommandInput = {
      Bucket: this.session.settings.bucket,
      Prefix: prefix,
      ContinuationToken: cursor,
      MaxKeys: maxKeys,
      // Names with characters that XML cannot carry would otherwise make the whole page unreadable.
      EncodingType: 'url',
    };
    const output = await this.documents.ask('list', (client, { ListObjectsV2Command }) =>
      client.send(new ListObjectsV2Command(input), { abortSignal: signal }),
    );
    const entries = this.checked(output, maxKeys);
    const isEncoded = output.EncodingType === 'url';
    const objects = entries.map((entry) => this.infoOf(entry, isEncoded));
    return output.IsTruncated ? { objects, nextCursor: output.NextContinuationToken } : { objects };
  }

  private checked(output: ListObjectsV2CommandOutput, maxKeys: number): readonly _Object[] {
    const { Name, KeyCount, IsTruncated, NextContinuationToken, Contents = [] } = output;
    if (Name !== this.session.settings.bucket) throw this.broken('a listing of another bucket');
    if (IsTruncated !== Boolean(NextContinuationToken)) {
      throw this.broken('a listing whose end and continuation contradict each other');
    }
    if (KeyCount !== undefined && KeyCount !== Contents.length + (output.CommonPrefixes?.length ?? 0)) {
      throw this.broken('a listing with fewer or more keys than it counts');
    }
    if (Contents.length > maxKeys) throw this.broken('a listing with more keys than were asked for');
    return Contents;
  }

  private infoOf({ Key, Size, ETag, LastModified }: _Object, isEncoded: boolean): ObjectInfo {
    const etag = plainEtag(ETag);
    if (!Key || etag === undefined) throw this.broken('an entry without key or ETag');
    if (Size === undefined || !Number.isSafeInteger(Size) || Size < 0)
      throw this.broken('an entry without a size');
    if (LastModified === undefined || Number.isNaN(LastModified.getTime())) {
      throw this.broken('an entry without a date');
    }
    return { key: isEncoded ? this.decoded(Key) : Key, sizeBytes: Size, etag, lastModified: LastModified };
  }

  private decoded(key: string): string {
    const decoded = formDecoded(key);
    if (decoded === undefined) throw this.broken('a key that cannot be decoded');
    return decoded;
  }

  private broken(what: string): StorageError {
    return this.session.failures.ofProtocol('list', what);
  }
}

/** `encoding-type=url` is the encoding of forms: a plus is a space. Undefined when it is not valid. */
function formDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
