import type { ObjectStorage } from '../storage-providers/storage-provider.js';
import type { FileOwner, FilePlace, WrittenFile } from './written-file.js';
import type { MeasuredContent } from './measured-content.js';

/** A file on its way from the client. */
export interface IncomingFile extends FilePlace {
  readonly contentType: string;
  /** The exact length, when it was promised. */
  readonly sizeBytes: number | undefined;
  /** The most that it may have. */
  readonly limitBytes: number;
  readonly content: MeasuredContent;
}

export interface UploadTarget extends FileOwner {
  readonly storage: ObjectStorage;
}

/** Who sends the file: `signal` aborts when the client goes away before its last byte, and never after it. */
export interface Sender {
  readonly signal: AbortSignal;
}

/** What is known of a file when its last byte is in the bucket. */
export function writtenFile(
  target: UploadTarget,
  file: IncomingFile,
  objectKey: string,
  etag: string,
  pending: boolean,
): WrittenFile {
  const { sizeBytes, checksum, crc32 } = file.content.digest();
  return {
    objectKey,
    filename: file.filename,
    folder: file.folder ?? '',
    tags: file.tags ?? [],
    localFileId: file.localFileId,
    replacesFileId: file.replacesFileId,
    ifMatch: file.ifMatch,
    overwrite: file.overwrite,
    contentType: file.contentType,
    cloudUrl: target.storage.urlOf(objectKey),
    etag,
    pending,
    sizeBytes,
    checksum,
    checksumSource: 'server',
    crc32,
  };
}
