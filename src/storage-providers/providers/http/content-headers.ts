import { StorageError, type StorageOperation } from '../../storage-errors.js';
import type { ByteRange } from '../../storage-provider.js';
import { protocolError } from './answer-body.js';

type Headers = Readonly<Record<string, string>>;

export interface ContentExtent {
  readonly sizeBytes: number;
  readonly totalBytes: number;
}

/** Which bytes an answer to GET carries. Throws `provider_error` when they are not the ones that were asked for. */
export function extentOf(status: number, headers: Headers, range: ByteRange | undefined): ContentExtent {
  const sizeBytes = lengthIn(headers['content-length']);
  if (range === undefined) {
    if (status !== 200 || sizeBytes === undefined) throw otherBytes();
    return { sizeBytes, totalBytes: sizeBytes };
  }
  const [, start, end, total] = CONTENT_RANGE.exec(headers['content-range'] ?? '') ?? [];
  const totalBytes = Number(total);
  // Some servers answer nothing, with a good status, instead of refusing.
  if (status === 206 && Number(start) === range.start && Number(end) < range.start) throw outsideOfObject();
  const isAsked = Number(start) === range.start && Number(end) === Math.min(range.end, totalBytes - 1);
  if (status !== 206 || !isAsked || sizeBytes !== Number(end) - range.start + 1) throw otherBytes();
  return { sizeBytes, totalBytes };
}

/** Throws `provider_error` when the answer has no readable `Last-Modified`. */
export function lastModifiedOf(headers: Headers, operation: StorageOperation): Date {
  const date = new Date(headers['last-modified'] ?? Number.NaN);
  if (Number.isNaN(date.getTime())) throw protocolError(operation, 'an object without its time');
  return date;
}

/** A length in decimal digits, as in `Content-Length`. */
export function lengthIn(digits: string | undefined): number | undefined {
  const length = digits !== undefined && /^\d{1,16}$/.test(digits) ? Number(digits) : undefined;
  return length !== undefined && Number.isSafeInteger(length) ? length : undefined;
}

export function otherBytes(): Error {
  return protocolError('get', 'other bytes than were asked for');
}

function outsideOfObject(): StorageError {
  return new StorageError('provider_error', 'The asked range lies outside of the object.', {
    operation: 'get',
    hint: 'Ask for bytes that the object has.',
    retryable: false,
    providerCode: 'InvalidRange',
    httpStatus: 416,
  });
}

const CONTENT_RANGE = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/;
