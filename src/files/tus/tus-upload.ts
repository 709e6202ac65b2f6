import type { UploadState } from '../upload.entity.js';

/** An upload as a request finds it. */
export interface TusUpload {
  readonly id: string;
  readonly userId: number;
  readonly configId: number;
  readonly state: UploadState;
  readonly objectKey: string;
  readonly filename: string;
  readonly folder: string;
  readonly contentType: string;
  readonly tags: readonly string[];
  /** `Upload-Metadata` as it was sent. */
  readonly metadata: string | undefined;
  /** Undefined until the client tells it. */
  readonly sizeBytes: number | undefined;
  /** Length of all parts but the last. */
  readonly partBytes: number;
  /** SHA-256 that the client announced. */
  readonly checksum: string | undefined;
  readonly computedChecksum: string | undefined;
  readonly multipartId: string | undefined;
  readonly fileId: number | undefined;
  readonly expiresAt: Date;
  readonly progress: TusProgress;
}

/** How far an upload has come; it changes as a whole. */
export interface TusProgress {
  /** Acknowledged: in parts, and in the tail after them. */
  readonly receivedBytes: number;
  /** CRC-32 of them. */
  readonly crc32: number;
  /** Object with the last `tailBytes` of them, which do not fill a part yet. */
  readonly tailKey: string | undefined;
  readonly tailBytes: number;
  /** Never lower than a number that was used already, whatever became of it. */
  readonly nextPart: number;
}

/** What a new upload begins with. */
export interface NewTusUpload {
  readonly id: string;
  readonly userId: number;
  readonly configId: number;
  readonly objectKey: string;
  readonly filename: string;
  readonly folder: string;
  readonly contentType: string;
  readonly tags: readonly string[];
  readonly metadata: string | undefined;
  readonly sizeBytes: number | undefined;
  readonly partBytes: number;
  readonly checksum: string | undefined;
}

/** All bytes are there, under `objectKey`; what is left is to make them a file. */
export interface WholeContent {
  readonly objectKey: string;
  readonly computedChecksum: string | undefined;
}
