import { hash } from 'node:crypto';
import { decompressBlob } from '../compression/blob-compression.js';
import type { BlobCipher } from '../crypto/blob-cipher.js';
import { damaged } from '../errors/repository-error.js';
import { releaseMemory } from '../workers/release-memory.js';
import type { PackedBlob } from './packed-blob.js';

/**
 * The plaintext of a blob from its sealed bytes, its SHA-256 proven to be `entry.id`.
 * Throws `damaged_repository` about the blob otherwise.
 */
export function readBlob(
  cipher: BlobCipher,
  entry: Pick<PackedBlob, 'id' | 'lengthBytes' | 'uncompressedBytes'>,
  sealed: Uint8Array,
): Buffer {
  const { id, lengthBytes, uncompressedBytes } = entry;
  const subject = `Blob ${id}`;
  if (sealed.length !== lengthBytes) throw damaged(subject, 'its pack holds fewer bytes of it');
  const opened = cipher.open(sealed, subject);
  const plaintext = uncompressedBytes > 0 ? decompressBlob(opened, uncompressedBytes, subject) : opened;
  if (plaintext !== opened) releaseMemory(opened);
  if (hash('sha256', plaintext) !== id) throw damaged(subject, 'its content does not have its name');
  return plaintext;
}
