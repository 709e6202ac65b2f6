import { createHash, hash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ObjectStorage, StoredObject, UploadedPart } from '../storage-provider.js';
import type { StorageCall } from './around-calls.js';

/**
 * After a write whose answer was lost: the stored object when size and ETag prove that it is ours, else undefined.
 * An ETag proves something only where it is the MD5 of the content (S3 without KMS) or of the parts' MD5s.
 */
export async function verifyAmbiguous(
  storage: Pick<ObjectStorage, 'head'>,
  call: StorageCall,
): Promise<StoredObject | undefined> {
  const expected = expectedObject(call);
  if (expected === undefined || call.signal?.aborted) return undefined;
  try {
    const { sizeBytes, etag } = await storage.head(call.key, { signal: call.signal });
    return sizeBytes === expected.sizeBytes && etag.toLowerCase() === expected.etag ? { etag } : undefined;
  } catch {
    // The first error says more than that we could not look.
    return undefined;
  }
}

interface Expected {
  readonly sizeBytes: number;
  readonly etag: string;
}

function expectedObject({ operation, body, putOptions, parts }: StorageCall): Expected | undefined {
  if (operation === 'put' && putOptions) {
    const { sizeBytes, md5 } = putOptions;
    if (md5) return { sizeBytes, etag: Buffer.from(md5).toString('hex') };
    return body && !(body instanceof Readable) ? { sizeBytes, etag: hash('md5', body, 'hex') } : undefined;
  }
  return operation === 'complete_multipart' && parts ? expectedOfParts(parts) : undefined;
}

/** S3 names a multipart object by the MD5 of its parts' MD5s and their number. */
function expectedOfParts(parts: readonly UploadedPart[]): Expected | undefined {
  if (!parts.every(({ etag }) => /^[0-9a-f]{32}$/i.test(etag))) return undefined;
  const digests = createHash('md5');
  for (const { etag } of parts) digests.update(etag, 'hex');
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  return { sizeBytes, etag: `${digests.digest('hex')}-${parts.length}` };
}
