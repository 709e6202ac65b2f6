import type { ObjectStorage } from '../storage-providers/storage-provider.js';
import { CLEAN_UP_MS } from './upload-limits.js';

/** What an upload may have in the bucket. */
export interface UploadRemains {
  readonly objectKey: string;
  readonly multipartId: string | undefined;
  readonly tailKey: string | undefined;
}

/** Removes what an upload that was given up has in the bucket. May be repeated. @throws StorageError */
export async function abandonUpload(
  storage: ObjectStorage,
  { objectKey, multipartId, tailKey }: UploadRemains,
): Promise<void> {
  const options = { signal: AbortSignal.timeout(CLEAN_UP_MS) };
  if (multipartId !== undefined) await storage.multipart?.abort(objectKey, multipartId, options);
  if (tailKey !== undefined) await storage.delete(tailKey, options);
}
