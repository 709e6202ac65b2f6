import { isStorageError } from '../storage-providers/storage-errors.js';
import type { CallOptions, ObjectHead, ObjectStorage } from '../storage-providers/storage-provider.js';

/** @returns undefined when there is no such object @throws StorageError for everything else */
export async function headIfThere(
  storage: Pick<ObjectStorage, 'head'>,
  objectKey: string,
  options: CallOptions = {},
): Promise<ObjectHead | undefined> {
  try {
    return await storage.head(objectKey, options);
  } catch (error) {
    if (isStorageError(error, 'object_not_found')) return undefined;
    throw error;
  }
}
