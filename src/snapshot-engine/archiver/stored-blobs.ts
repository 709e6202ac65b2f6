import { SEALED_OVERHEAD_BYTES } from '../crypto/blob-cipher.js';
import type { FinishedPack } from '../pack/pack-writer.js';

/** New blobs in packs that are durable, as restic counts them. */
export class StoredBlobs {
  dataBlobs = 0;
  treeBlobs = 0;
  /** Before compression. */
  addedBytes = 0;
  /** As they lie in the packs. */
  packedBytes = 0;

  count({ blobs }: FinishedPack): void {
    for (const { type, lengthBytes, uncompressedBytes } of blobs) {
      if (type === 'tree') this.treeBlobs += 1;
      else this.dataBlobs += 1;
      this.addedBytes += uncompressedBytes || lengthBytes - SEALED_OVERHEAD_BYTES;
      this.packedBytes += lengthBytes;
    }
  }
}
