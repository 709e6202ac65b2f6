import { validationFailed } from '../../errors/request-errors.js';
import { fileTooLarge } from '../file-errors.js';
import { MIB, MIN_PART_BYTES } from '../upload-limits.js';
import { type BucketLimits, equalPartBytes, largestFileBytes } from '../upload-plan.js';
import { MAX_SINGLE_PUT_BYTES } from './direct-limits.js';

/**
 * The length of all parts but the last, or undefined when one PUT takes the file.
 * @param wantedBytes what the client asked for
 * @throws FilesError `file_too_large`; RequestError `validation_failed` for a part size that the bucket cannot take
 */
export function planParts(
  sizeBytes: number,
  wantedBytes: number | undefined,
  bucket: BucketLimits,
): number | undefined {
  const largestBytes = largestFileBytes(true, bucket);
  if (sizeBytes > largestBytes) throw fileTooLarge(largestBytes);
  const { multipart, maxPutBytes } = bucket;
  if (multipart === undefined) return undefined;
  if (wantedBytes !== undefined) {
    assertPartBytes(sizeBytes, wantedBytes, multipart);
    return sizeBytes > wantedBytes ? wantedBytes : undefined;
  }
  if (sizeBytes <= Math.min(MAX_SINGLE_PUT_BYTES, maxPutBytes)) return undefined;
  return equalPartBytes(sizeBytes, MIN_PART_BYTES, multipart);
}

function assertPartBytes(
  sizeBytes: number,
  partBytes: number,
  { minPartBytes, maxPartBytes, maxParts }: NonNullable<BucketLimits['multipart']>,
): void {
  const fewEnough = Math.ceil(sizeBytes / maxParts / MIB) * MIB;
  const leastBytes = Math.max(minPartBytes, fewEnough);
  if (partBytes >= leastBytes && partBytes <= maxPartBytes) return;
  const detail = `must be between ${leastBytes} and ${maxPartBytes} bytes for this file in this bucket`;
  throw validationFailed([{ pointer: '/part_size', detail, code: 'part_size' }]);
}
