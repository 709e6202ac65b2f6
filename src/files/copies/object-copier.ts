import { isStorageError } from '../../storage-providers/storage-errors.js';
import type {
  CopiedObject,
  ObjectCopies,
  PartToCopy,
  UploadedPart,
} from '../../storage-providers/storage-provider.js';
import type { ChecksumSource } from '../cloud-file.entity.js';
import { fileDamaged } from '../file-errors.js';
import type { Sender, UploadTarget } from '../incoming-file.js';
import { PartWriter, type PendingRecords } from '../part-writer.js';
import { mayHaveStored, removeObject } from '../remove-object.js';
import { MIN_STREAMED_PART_BYTES } from '../upload-limits.js';
import { equalPartBytes } from '../upload-plan.js';
import type { WrittenFile } from '../written-file.js';

/** A content that is to be had once more, and what the new file is called. */
export interface FileToCopy extends Pick<
  WrittenFile,
  'filename' | 'folder' | 'tags' | 'contentType' | 'sizeBytes'
> {
  /** Of the content that is there. */
  readonly sourceKey: string;
  /** SHA-256, 64 hex digits; null when nobody computed it. */
  readonly checksum: string | null;
  readonly checksumSource: ChecksumSource;
  readonly crc32: number | null;
}

/** Parts of one object that are copied at the same time. */
const PARTS_AT_ONCE = 4;
/** The MD5 of a content, or of the MD5s of its parts. */
const DIGEST = /^[0-9a-f]{32}(?:-\d{1,5})?$/i;

/** Copies objects within one bucket, so that no byte of them passes through this server. */
export class ObjectCopier {
  private readonly parts: PartWriter;

  constructor(records: PendingRecords) {
    this.parts = new PartWriter(records);
  }

  /**
   * What it wrote it removes before it rejects, as far as the bucket lets it.
   * @returns undefined, with nothing written, where the bucket cannot: then the content must be read and written
   * @throws FilesError `file_damaged`, StorageError, or what the records throw
   */
  async copy(
    target: UploadTarget,
    file: FileToCopy,
    objectKey: string,
    sender: Sender,
  ): Promise<WrittenFile | undefined> {
    const { copies, multipart } = target.storage;
    if (copies === undefined) return undefined;
    const inOneCall = file.sizeBytes <= copies.maxCopyBytes;
    if (!inOneCall && (copies.copyPart === undefined || multipart === undefined)) return undefined;
    try {
      const { etag, proof } = inOneCall
        ? await copyWhole(target, copies, file, objectKey, sender)
        : await this.copyParts(target, file, objectKey, sender);
      return copiedFile(target, file, objectKey, { etag, proof }, !inOneCall);
    } catch (error) {
      if (isNotOffered(error)) return undefined;
      throw isStorageError(error, 'integrity') ? fileDamaged() : error;
    }
  }

  private async copyParts(
    target: UploadTarget,
    file: FileToCopy,
    objectKey: string,
    sender: Sender,
  ): Promise<CopiedObject> {
    const { storage } = target;
    const { sourceKey, sizeBytes } = file;
    const source = await storage.head(sourceKey, sender);
    if (source.sizeBytes !== sizeBytes) throw fileDamaged();
    // Of the length that an upload of this size has: then the provider's digests of both are comparable.
    const partBytes = equalPartBytes(sizeBytes, MIN_STREAMED_PART_BYTES, storage.multipart);
    const copyPart = (part: PartToCopy, signal: AbortSignal) =>
      storage.copies!.copyPart!(sourceKey, objectKey, part, { signal });
    const plan = { sizeBytes, partBytes, sourceEtag: source.etag };
    await this.parts.writeOthers(target, file, objectKey, sender, (uploadId) =>
      copyRanges(plan, uploadId, sender.signal, copyPart),
    );
    const copy = await storage.head(objectKey, sender);
    if (copy.sizeBytes !== sizeBytes) {
      if (await removeObject(storage, objectKey)) await this.parts.forget(target, objectKey);
      throw fileDamaged();
    }
    const isSame = copy.etag === source.etag && DIGEST.test(copy.etag);
    return { etag: copy.etag, proof: isSame ? 'digest' : 'length' };
  }
}

async function copyWhole(
  { storage }: UploadTarget,
  copies: ObjectCopies,
  { sourceKey, sizeBytes, checksum }: FileToCopy,
  objectKey: string,
  { signal }: Sender,
): Promise<CopiedObject> {
  const sha256 = checksum === null ? undefined : Buffer.from(checksum, 'hex');
  try {
    return await copies.copy(sourceKey, objectKey, { sizeBytes, sha256, signal });
  } catch (error) {
    if (mayHaveStored(error)) await removeObject(storage, objectKey);
    throw error;
  }
}

interface PartsPlan {
  readonly sizeBytes: number;
  readonly partBytes: number;
  readonly sourceEtag: string;
}

/** A bounded number at once; after a failure no further one begins, and those under way are ended. */
async function copyRanges(
  { sizeBytes, partBytes, sourceEtag }: PartsPlan,
  uploadId: string,
  signal: AbortSignal,
  copyPart: (part: PartToCopy, signal: AbortSignal) => Promise<UploadedPart>,
): Promise<UploadedPart[]> {
  const parts: UploadedPart[] = [];
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const count = Math.ceil(sizeBytes / partBytes);
  let begun = 0;
  const work = async () => {
    while (begun < count) {
      const start = begun * partBytes;
      begun += 1;
      const range = { start, end: Math.min(start + partBytes, sizeBytes) - 1 };
      const part = { uploadId, partNumber: begun, range, sourceEtag };
      parts[part.partNumber - 1] = await copyPart(part, either);
    }
  };
  const workers = Array.from({ length: PARTS_AT_ONCE }, () =>
    work().catch((error: unknown) => {
      begun = count;
      if (!failed.signal.aborted) failed.abort(error);
    }),
  );
  await Promise.all(workers);
  // The first failure, not those that it has caused.
  failed.signal.throwIfAborted();
  return parts;
}

/** Stores that lack a call say so in one of these words. */
function isNotOffered(error: unknown): boolean {
  if (!isStorageError(error)) return false;
  const { httpStatus, providerCode } = error;
  return (
    httpStatus === 501 || httpStatus === 405 || (httpStatus === 400 && providerCode === 'InvalidRequest')
  );
}

/**
 * The checksum goes with the content only if more than the length says that it is the same; the CRC-32 always does,
 * because every download is compared with it.
 */
function copiedFile(
  { storage }: UploadTarget,
  file: FileToCopy,
  objectKey: string,
  { etag, proof }: CopiedObject,
  pending: boolean,
): WrittenFile {
  const { sourceKey: _, ...content } = file;
  const isProvider = proof === 'sha256' || (proof === 'digest' && file.checksumSource !== 'client');
  return {
    ...content,
    objectKey,
    cloudUrl: storage.urlOf(objectKey),
    etag,
    checksum: proof === 'length' ? null : file.checksum,
    checksumSource: isProvider ? 'provider' : 'client',
    pending,
  };
}
