export type BlobType = 'data' | 'tree';

/**
 * Where a blob lies in its pack. `id` is 64 lower-case hex digits: a string clones to another thread for the price of
 * its characters, while a small Buffer drags its whole memory pool along.
 */
export interface PackedBlob {
  readonly id: string;
  readonly type: BlobType;
  /** Of the sealed bytes in the pack. */
  readonly offset: number;
  /** Of the sealed bytes. */
  readonly lengthBytes: number;
  /** Of the plaintext when it is compressed; 0 when it is stored as it is. */
  readonly uncompressedBytes: number;
}
