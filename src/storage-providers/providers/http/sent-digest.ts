import { createHash, type Hash } from 'node:crypto';
import { StorageError, type StorageOperation } from '../../storage-errors.js';

/** Hashes a body while it is sent, to compare it with what the provider says that it stored. */
export class SentDigest {
  private readonly hash: Hash = createHash('md5');

  readonly onChunk = (chunk: Uint8Array): void => {
    this.hash.update(chunk);
  };

  /**
   * Throws `integrity` when the provider names another MD5 (base64); where it names none there is nothing to compare.
   * Call once.
   */
  assertStored(storedMd5: string | undefined, operation: StorageOperation): void {
    if (storedMd5 === undefined || storedMd5 === this.hash.digest('base64')) return;
    throw new StorageError('integrity', 'The bytes that were stored are not the bytes that were sent.', {
      operation,
      hint: 'Send the body again; if it happens again, check the memory and the network of this server.',
      retryable: true,
      providerCode: 'MD5_MISMATCH',
    });
  }
}
