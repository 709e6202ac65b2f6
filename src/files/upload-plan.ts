import type { MultipartUploads } from '../storage-providers/storage-provider.js';
import {
  MAX_BUFFERED_PART_BYTES,
  MAX_PLANNED_PARTS,
  MIB,
  MIN_PART_BYTES,
  MIN_STREAMED_PART_BYTES,
  SMALL_UPLOAD_BYTES,
} from './upload-limits.js';

/** A form without a line break at its very end promises a file that is this much shorter than it is. */
const LINE_BREAK_BYTES = 2;

/** How one file goes into the bucket. */
export type UploadPlan =
  | SmallBuffer
  /** One call with a stream of known length. */
  | { readonly kind: 'stream'; readonly sizeBytes: number }
  | StreamedParts;

/** One call with a buffer, if the file ends within `bufferBytes`; otherwise `then`. */
export interface SmallBuffer {
  readonly kind: 'buffer';
  readonly bufferBytes: number;
  readonly then: BufferedParts | undefined;
}

/** Many calls, each with a stream of known length: for files that are larger than one call takes. */
export interface StreamedParts {
  readonly kind: 'streamed_parts';
  readonly sizeBytes: number;
  readonly partBytes: number;
}

/** Many calls, each with a buffer: for files whose length shows only at their end. */
export interface BufferedParts {
  readonly kind: 'buffered_parts';
  readonly partBytes: number;
}

export interface BucketLimits {
  readonly maxPutBytes: number;
  readonly multipart?: Pick<MultipartUploads, 'minPartBytes' | 'maxPartBytes' | 'maxParts'>;
}

/**
 * @param sizeBytes the exact length of the file, when it is known
 * @param limitBytes the most that it may have
 */
export function planUpload(
  sizeBytes: number | undefined,
  limitBytes: number,
  bucket: BucketLimits,
): UploadPlan {
  if (sizeBytes === undefined) return planUnknown(limitBytes, bucket);
  if (sizeBytes <= SMALL_UPLOAD_BYTES) {
    return { kind: 'buffer', bufferBytes: sizeBytes + LINE_BREAK_BYTES, then: undefined };
  }
  if (sizeBytes <= bucket.maxPutBytes) return { kind: 'stream', sizeBytes };
  const partBytes = equalPartBytes(sizeBytes, MIN_STREAMED_PART_BYTES, bucket.multipart);
  return { kind: 'streamed_parts', sizeBytes, partBytes };
}

/** The most that a file may have, whatever its user's limit says. */
export function largestFileBytes(sizeKnown: boolean, bucket: BucketLimits): number {
  const { maxPutBytes, multipart } = bucket;
  if (multipart === undefined) return sizeKnown ? maxPutBytes : Math.min(maxPutBytes, SMALL_UPLOAD_BYTES);
  const parts = Math.min(multipart.maxParts, MAX_PLANNED_PARTS);
  return (
    parts * (sizeKnown ? multipart.maxPartBytes : Math.min(multipart.maxPartBytes, MAX_BUFFERED_PART_BYTES))
  );
}

/**
 * Length of all parts but the last of an upload that goes on over several requests: each is gathered in memory, so
 * that nothing is lost when a request breaks off.
 * @param atMostBytes the file's length, or the most that it may have while nobody knows it
 */
export function resumablePartBytes(atMostBytes: number, { multipart }: BucketLimits): number {
  return Math.min(equalPartBytes(atMostBytes, MIN_PART_BYTES, multipart), MAX_BUFFERED_PART_BYTES);
}

function planUnknown(limitBytes: number, bucket: BucketLimits): UploadPlan {
  const bufferBytes = Math.min(SMALL_UPLOAD_BYTES, limitBytes);
  if (bucket.multipart === undefined) return { kind: 'buffer', bufferBytes, then: undefined };
  const atMostBytes = Math.min(limitBytes, largestFileBytes(false, bucket));
  const partBytes = equalPartBytes(atMostBytes, MIN_PART_BYTES, bucket.multipart);
  return { kind: 'buffer', bufferBytes, then: { kind: 'buffered_parts', partBytes } };
}

/** One size for all parts but the last (Cloudflare R2 insists), whole MiB, few enough parts for every provider. */
export function equalPartBytes(
  fileBytes: number,
  leastBytes: number,
  multipart: BucketLimits['multipart'],
): number {
  const parts = Math.min(multipart?.maxParts ?? MAX_PLANNED_PARTS, MAX_PLANNED_PARTS);
  const wanted = Math.max(leastBytes, multipart?.minPartBytes ?? 0, Math.ceil(fileBytes / parts / MIB) * MIB);
  return Math.min(wanted, multipart?.maxPartBytes ?? wanted);
}
