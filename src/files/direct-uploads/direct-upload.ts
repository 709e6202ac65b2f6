import type { UploadState } from '../upload.entity.js';

/** How the bytes reach the bucket: by one PUT, or as parts of one size. */
export type DirectMethod = 'put' | 'multipart';

/** What a client tells of a file before it sends it. */
export interface DirectUploadPlace {
  readonly filename: string;
  readonly folder: string;
  readonly tags: readonly string[];
  readonly contentType: string;
  readonly sizeBytes: number;
  /** SHA-256, 64 hex digits. */
  readonly checksum: string | undefined;
  /** MD5 of the whole, 32 hex digits, for a bucket that compares no SHA-256. */
  readonly md5: string | undefined;
  /** The file that gets this content as a new version. */
  readonly replacesFileId: number | undefined;
}

/** A file on its way from its client straight into the bucket. */
export interface DirectUpload extends DirectUploadPlace {
  readonly id: string;
  readonly userId: number;
  readonly configId: number;
  readonly state: UploadState;
  readonly objectKey: string;
  /** Length of all parts but the last; undefined for one PUT. */
  readonly partBytes: number | undefined;
  /** The provider's id; undefined for one PUT. */
  readonly multipartId: string | undefined;
  /** Whether each URL that was given out bound the content to `checksum`. */
  readonly checksumBound: boolean;
  readonly fileId: number | undefined;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export function methodOf({ partBytes }: Pick<DirectUpload, 'partBytes'>): DirectMethod {
  return partBytes === undefined ? 'put' : 'multipart';
}

/** One PUT counts as one part. */
export function partCountOf({ sizeBytes, partBytes }: Pick<DirectUpload, 'sizeBytes' | 'partBytes'>): number {
  return partBytes === undefined ? 1 : Math.ceil(sizeBytes / partBytes);
}

/** @param partNumber from 1 to `partCountOf` */
export function partSizeOf(
  { sizeBytes, partBytes }: Pick<DirectUpload, 'sizeBytes' | 'partBytes'>,
  partNumber: number,
): number {
  return partBytes === undefined ? sizeBytes : Math.min(partBytes, sizeBytes - (partNumber - 1) * partBytes);
}
