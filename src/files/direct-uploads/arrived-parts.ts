import type { UploadedPart } from '../../storage-providers/storage-provider.js';
import { uploadIncomplete } from '../file-errors.js';
import { type DirectUpload, partCountOf, partSizeOf } from './direct-upload.js';

/** A part as its client saw it stored. */
export interface SeenPart {
  readonly partNumber: number;
  /** Without quotes. */
  readonly etag: string;
}

/** So many wrong parts are named. */
const MAX_NAMED = 20;

/**
 * The parts that make the file, if all have arrived: each once, of its planned length, and with the ETag that the client
 * saw, where it told one. What else lies in the bucket under this upload is left out.
 * @param arrived by number
 * @throws FilesError `upload_incomplete`, which names the parts to send
 */
export function wholeParts(
  upload: Pick<DirectUpload, 'sizeBytes' | 'partBytes'>,
  arrived: readonly UploadedPart[],
  seen: readonly SeenPart[] = [],
): UploadedPart[] {
  const byNumber = new Map(arrived.map((part) => [part.partNumber, part]));
  const etags = new Map(seen.map(({ partNumber, etag }) => [partNumber, etag]));
  const parts: UploadedPart[] = [];
  const missing: number[] = [];
  const wrong: number[] = [];
  for (let number = 1; number <= partCountOf(upload); number += 1) {
    const part = byNumber.get(number);
    if (part === undefined) missing.push(number);
    else if (!isAsPlanned(upload, part, etags.get(number))) wrong.push(number);
    else parts.push(part);
  }
  if (missing.length === 0 && wrong.length === 0) return parts;
  throw uploadIncomplete([
    ...(missing.length > 0 ? [`Parts that have not arrived: ${named(missing)}.`] : []),
    ...(wrong.length > 0 ? [`Parts that are not what was announced: ${named(wrong)}.`] : []),
  ]);
}

function isAsPlanned(
  upload: Pick<DirectUpload, 'sizeBytes' | 'partBytes'>,
  { partNumber, sizeBytes, etag }: UploadedPart,
  seenEtag: string | undefined,
): boolean {
  return sizeBytes === partSizeOf(upload, partNumber) && (seenEtag === undefined || seenEtag === etag);
}

function named(numbers: readonly number[]): string {
  const rest = numbers.length - MAX_NAMED;
  return numbers.slice(0, MAX_NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
