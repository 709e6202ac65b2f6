import type { ObjectStorage } from '../../storage-providers/storage-provider.js';
import { type ContentDigest, MeasuredContent } from '../measured-content.js';

/** What a row says of a content. */
export interface ExpectedContent {
  readonly objectKey: string;
  readonly sizeBytes: number;
  /** SHA-256, 64 hex digits; null when nobody told it. */
  readonly checksum: string | null;
  /** CRC-32 (ISO 3309), unsigned; null when nobody computed it. */
  readonly crc32: number | null;
}

/** Whether the bytes in the bucket are those of the row; `differs` says in a few words in what they are not. */
export type Verdict = ContentDigest & { readonly differs: string | undefined };

/**
 * Reads an object back from its bucket, in constant memory, and compares it with its row.
 * @param onBytes hears how far it is
 * @throws StorageError, `object_not_found` among others
 */
export async function verifyContent(
  storage: Pick<ObjectStorage, 'get'>,
  expected: ExpectedContent,
  signal: AbortSignal,
  onBytes: (readBytes: number) => void,
): Promise<Verdict> {
  const { body } = await storage.get(expected.objectKey, { signal });
  try {
    const pieces = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    const read = async () => {
      const next = await pieces.next();
      return next.done === true ? null : next.value;
    };
    const content = new MeasuredContent({ read }, Infinity);
    while ((await content.read(Infinity)) !== null) onBytes(content.sizeBytes);
    const digest = content.digest();
    return { ...digest, differs: difference(digest, expected) };
  } finally {
    body.destroy();
  }
}

function difference(found: ContentDigest, expected: ExpectedContent): string | undefined {
  if (found.sizeBytes !== expected.sizeBytes) {
    return `it has ${found.sizeBytes} bytes instead of ${expected.sizeBytes}`;
  }
  if (expected.checksum !== null && expected.checksum !== found.checksum) {
    return `its SHA-256 is ${found.checksum} instead of ${expected.checksum}`;
  }
  return expected.crc32 !== null && expected.crc32 !== found.crc32 ? 'its CRC-32 is another one' : undefined;
}
