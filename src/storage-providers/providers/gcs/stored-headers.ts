import type { StorageOperation } from '../../storage-errors.js';
import type { ByteRange } from '../../storage-provider.js';
import { protocolError } from '../http/answer-body.js';
import { extentOf, lengthIn, otherBytes, type ContentExtent } from '../http/content-headers.js';

type Headers = Readonly<Record<string, string>>;

/** `x-goog-hash: crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ==`, in one header or in two; composite objects have no MD5. */
export function storedMd5(headers: Headers): string | undefined {
  const hashes = headers['x-goog-hash']?.split(',').map((hash) => hash.trim());
  return hashes?.find((hash) => hash.startsWith('md5='))?.slice('md5='.length);
}

/** Every successful answer about an object has it; a proxy's page has not. */
export function generationOf(headers: Headers, operation: StorageOperation): string {
  const generation = headers['x-goog-generation'];
  if (generation !== undefined && /^\d{1,19}$/.test(generation)) return generation;
  throw protocolError(operation, 'something else than an object');
}

/** As `extentOf`; besides, the whole object must come as it is stored and not unpacked on the way. */
export function storedExtentOf(
  status: number,
  headers: Headers,
  range: ByteRange | undefined,
): ContentExtent {
  const extent = extentOf(status, headers, range);
  const stored = headers['x-goog-stored-content-length'];
  if (stored !== undefined && lengthIn(stored) !== extent.totalBytes) throw otherBytes();
  return extent;
}
