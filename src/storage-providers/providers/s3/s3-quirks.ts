import type { StorageCapabilities } from '../../storage-provider.js';

/** How one member of the S3 family differs from the others; everything else is the same code. */
export interface S3Quirks {
  /** Where the bucket's name goes. A name with dots goes into the path anyway: no certificate fits it as a host. */
  readonly addressing: 'virtual' | 'path';
  /** What the provider promises; a connection test may have found more or less in a given bucket. */
  readonly promised: StorageCapabilities;
  /** Whether finishing a multipart upload obeys `If-None-Match`; where not, the key is looked up before. */
  readonly conditionalComplete: boolean;
  readonly copying: {
    /** Whether `x-amz-copy-source-if-match` is known. */
    readonly conditional: boolean;
    /** Whether a copy can be asked for its SHA-256. */
    readonly sha256: boolean;
  };
  readonly maxPutBytes: number;
  readonly maxPartBytes: number;
  readonly maxParts: number;
}

/** Smaller parts are refused by every member, except for the last part of an upload. */
export const MIN_PART_BYTES = 5 * 1024 ** 2;
