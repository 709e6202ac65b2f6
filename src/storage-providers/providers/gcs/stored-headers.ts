import { createHash, type Hash } from 'node:crypto';
import type { StorageOperation } from '../../storage-errors.js';
import { StorageError } from '../../storage-errors.js';
import type { ByteRange } from '../../storage-provider.js';
import { protocolError } from '../http/answer-body.js';

type Headers = Readonly<Record<string, string>>;

/** Hashes a body while it is sent and compares it with what Cloud Storage says that it stored. */
export class SentDigest {
  private readonly hash: Hash = createHash('md5');

  readonly onChunk = (chunk: Uint8Array): void => {
    this.hash.update(chunk);
  };

  /** Throws `integrity` when the answer names another MD5. Composite objects have none. Call once. */
  assertStored(headers: Headers, operation: StorageOperation): void {
    const stored = md5Of(headers);
    if (stored === undefined || stored === this.hash.digest('base64')) return;
    throw new StorageError('integrity', 'The bytes that were stored are not the bytes that were sent.', {
      operation,
      hint: 'Send the body again; if it happens again, check the memory and the network of this server.',
      retryable: true,
      providerCode: 'MD5_MISMATCH',
    });
  }
}

/** `x-goog-hash: crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ==`, in one header or in two. */
function md5Of(headers: Headers): string | undefined {
  const hashes = headers['x-goog-hash']?.split(',').map((hash) => hash.trim());
  return hashes?.find((hash) => hash.startsWith('md5='))?.slice('md5='.length);
}

/** Every successful answer about an object has it; a proxy's page has not. */
export function generationOf(headers: Headers, operation: StorageOperation): string {
  const generation = headers['x-goog-generation'];
  if (generation !== undefined && /^\d{1,19}$/.test(generation)) return generation;
  throw protocolError(operation, 'something else than an object');
}

export interface ContentExtent {
  readonly sizeBytes: number;
  readonly totalBytes: number;
}

/** Which bytes an answer to GET carries. Throws `provider_error` when they are not the ones that were asked for. */
export function extentOf(status: number, headers: Headers, range: ByteRange | undefined): ContentExtent {
  const sizeBytes = numberOf(headers['content-length']);
  if (range === undefined) {
    const storedBytes = numberOf(headers['x-goog-stored-content-length'] ?? headers['content-length']);
    if (status !== 200 || sizeBytes === undefined || sizeBytes !== storedBytes) throw otherBytes();
    return { sizeBytes, totalBytes: sizeBytes };
  }
  const [, start, end, total] =
    /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(headers['content-range'] ?? '') ?? [];
  const totalBytes = Number(total);
  const isAsked = Number(start) === range.start && Number(end) === Math.min(range.end, totalBytes - 1);
  if (status !== 206 || !isAsked || sizeBytes !== Number(end) - range.start + 1) throw otherBytes();
  return { sizeBytes, totalBytes };
}

export function lastModifiedOf(headers: Headers, operation: StorageOperation): Date {
  const date = new Date(headers['last-modified'] ?? Number.NaN);
  if (Number.isNaN(date.getTime())) throw protocolError(operation, 'an object without its time');
  return date;
}

function numberOf(digits: string | undefined): number | undefined {
  return digits !== undefined && /^\d{1,16}$/.test(digits) ? Number(digits) : undefined;
}

function otherBytes(): StorageError {
  return protocolError('get', 'other bytes than were asked for');
}
