import { isStorageError, type StorageErrorCode } from '../storage-providers/storage-errors.js';
import type { ObjectStorage } from '../storage-providers/storage-provider.js';
import { CLEAN_UP_MS } from './upload-limits.js';

/** After these, the object may be there: it may be the answer that was lost. */
const UNCERTAIN: ReadonlySet<StorageErrorCode> = new Set([
  'endpoint_unreachable',
  'storage_rate_limited',
  'integrity',
  'aborted',
  'provider_error',
]);

/** Whether a call that failed so may have stored its object all the same. */
export function mayHaveStored(error: unknown): boolean {
  return !isStorageError(error) || UNCERTAIN.has(error.code);
}

/** @returns false for one that cannot be removed now; it is found later as a leftover */
export async function removeObject(storage: ObjectStorage, objectKey: string): Promise<boolean> {
  try {
    await storage.delete(objectKey, { signal: AbortSignal.timeout(CLEAN_UP_MS) });
    return true;
  } catch {
    return false;
  }
}
