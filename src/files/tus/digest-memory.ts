import { createHash, type Hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Uploads that are between two of their requests; a state takes about a kilobyte. */
const REMEMBERED_UPLOADS = 4_096;

interface RememberedDigest {
  readonly receivedBytes: number;
  readonly hash: Hash;
}

/**
 * SHA-256 of uploads that come in several requests, kept in this process from one request to the next. Node's own hash
 * cannot be saved, and one that can (WebAssembly) costs six times as much: 4.4 instead of 0.7 CPU seconds a GiB. So an
 * upload that went on in another process, or after a restart, has no computed SHA-256; its CRC-32 goes on in its row.
 */
export class DigestMemory {
  private readonly digests = new LRUCache<string, RememberedDigest>({ max: REMEMBERED_UPLOADS });

  /** Takes it out; undefined when this process has not seen all of the bytes. */
  take(uploadId: string, receivedBytes: number): Hash | undefined {
    const known = this.digests.get(uploadId);
    this.digests.delete(uploadId);
    if (receivedBytes === 0) return createHash('sha256');
    return known?.receivedBytes === receivedBytes ? known.hash : undefined;
  }

  /** @param hash of the first `receivedBytes` */
  keep(uploadId: string, receivedBytes: number, hash: Hash | undefined): void {
    if (hash !== undefined) this.digests.set(uploadId, { receivedBytes, hash });
  }
}
