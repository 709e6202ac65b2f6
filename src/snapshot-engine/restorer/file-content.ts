import { contentBytesOf } from './fetch-plan.js';
import type { BlobLocation, BlobLookup } from './restore-source.js';
import type { RefusalReason, WantedEntry } from './wanted-entry.js';
import { ZeroBlobs } from './zero-blobs.js';

/** A blob's part of a file. */
export interface ContentPart {
  readonly blob: BlobLocation;
  /** In the file. */
  readonly offset: number;
  readonly lengthBytes: number;
  /** Nothing but zeros: a hole, nothing to fetch. */
  readonly isZero: boolean;
}

/** Where the content of files comes from, as the index has it. */
export class ContentResolver {
  readonly #index: BlobLookup;
  readonly #maxBlobBytes: number;
  readonly #zeros = new ZeroBlobs();
  /** Copies that were read, of blobs that the index knows with different lengths. */
  readonly #settled = new Map<string, BlobLocation>();
  /** The index makes new strings at each answer; most of them are the same few packs. */
  readonly #packIds = new Map<string, string>();

  constructor(index: BlobLookup, maxBlobBytes: number) {
    this.#index = index;
    this.#maxBlobBytes = maxBlobBytes;
  }

  /** This copy of the blob is the right one. */
  settle(blob: BlobLocation): void {
    this.#settled.set(blob.id, blob);
  }

  /** The parts of a file in order, without gaps; or why it cannot be restored. */
  resolve({ content, sizeBytes }: WantedEntry): readonly ContentPart[] | RefusalReason {
    const parts: ContentPart[] = [];
    let offset = 0;
    for (const id of content) {
      const found = this.#settled.get(id) ?? this.#index.find('data', id);
      if (found === undefined) return 'missing_blob';
      const blob = { ...found, id, packId: this.#packId(found.packId) };
      const lengthBytes = contentBytesOf(blob);
      if (lengthBytes > this.#maxBlobBytes) return 'damaged_entry';
      offset += lengthBytes;
      // A size that lies must not cost the memory of a list that is longer than it could be.
      if (offset > sizeBytes) return 'size_mismatch';
      parts.push({ blob, offset: offset - lengthBytes, lengthBytes, isZero: this.#zeros.has(blob) });
    }
    return offset === sizeBytes ? parts : 'size_mismatch';
  }

  #packId(packId: string): string {
    const known = this.#packIds.get(packId);
    if (known === undefined) this.#packIds.set(packId, packId);
    return known ?? packId;
  }
}
