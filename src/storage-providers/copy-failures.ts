import { StorageError } from './storage-errors.js';

/*
 * What may be wrong with a copy within a bucket, whoever makes it.
 */

export function copyExists(): StorageError {
  return new StorageError('conflict', 'The object already exists.', {
    operation: 'copy',
    hint: 'Store it under another key, or delete the object first.',
    retryable: false,
  });
}

/** The SHA-256 is another one than the source should have. */
export function copyDiffers(): StorageError {
  return new StorageError('integrity', 'The copy has another content than the source should have.', {
    operation: 'copy',
    hint: 'The source is not what was stored: it was changed in the bucket.',
    retryable: false,
    providerCode: 'BadDigest',
  });
}

/** @throws StorageError `integrity` unless both are the same */
export function assertCopyLength(what: 'source' | 'copy', sizeBytes: number, expectedBytes: number): void {
  if (sizeBytes === expectedBytes) return;
  throw new StorageError('integrity', `The ${what} has ${sizeBytes} bytes instead of ${expectedBytes}.`, {
    operation: 'copy',
    hint: 'The source is not what was stored: it was changed in the bucket.',
    retryable: false,
    providerCode: 'WRONG_LENGTH',
  });
}
