import { classify } from '../../classify.js';
import { isStorageError, type StorageError, type StorageOperation } from '../../storage-errors.js';
import { abortedBy } from '../http/http-client.js';

export interface DiskCall {
  readonly operation: StorageOperation;
  readonly bucket: string;
  readonly signal?: AbortSignal;
}

/** Runs one call on the disk; whatever goes wrong becomes a StorageError. */
export async function onDisk<T>(call: DiskCall, work: () => Promise<T>): Promise<T> {
  const { operation, signal } = call;
  if (signal?.aborted) throw abortedBy(signal, operation);
  try {
    return await work();
  } catch (error) {
    throw diskFailure(call, error);
  }
}

export function diskFailure({ operation, bucket, signal }: DiskCall, error: unknown): StorageError {
  if (isStorageError(error)) return error;
  if (signal?.aborted) return abortedBy(signal, operation);
  return classify({ provider: 'local_disk', operation, bucket, errno: errnoOf(error), cause: error });
}

/** The code of a file-system error, e.g. `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

export function hasErrno(error: unknown, ...codes: readonly string[]): boolean {
  const code = errnoOf(error);
  return code !== undefined && codes.includes(code);
}

export function noSuchObject({ operation, bucket }: DiskCall): StorageError {
  return classify({ provider: 'local_disk', operation, bucket, code: 'NoSuchKey', httpStatus: 404 });
}

export function noSuchBucket({ operation, bucket }: DiskCall): StorageError {
  return classify({ provider: 'local_disk', operation, bucket, code: 'NoSuchBucket', httpStatus: 404 });
}

export function noSuchUpload({ operation, bucket }: DiskCall): StorageError {
  return classify({ provider: 'local_disk', operation, bucket, code: 'NoSuchUpload', httpStatus: 404 });
}

export function objectExists({ operation, bucket }: DiskCall): StorageError {
  return classify({ provider: 'local_disk', operation, bucket, errno: 'EEXIST' });
}

export function nameTooLong({ operation, bucket }: DiskCall): StorageError {
  return classify({ provider: 'local_disk', operation, bucket, errno: 'ENAMETOOLONG' });
}
