import type { BlobIndex, BlobLocation } from '../blob-index/blob-index.js';
import type { BlobCipher } from '../crypto/blob-cipher.js';
import { readBlob } from '../pack/read-blob.js';
import { damageOfPack } from '../repository/bad-packs.js';
import type { RepositoryFiles } from '../repository/repository-files.js';

/** Packs in memory; a walk in the order of names finds its trees in few of them. */
const MAX_PACKS = 3;
/** Packs that are larger are not fetched as a whole. */
const MAX_PACK_BYTES = 24 * 1_024 * 1_024;

/**
 * Reads the trees of a snapshot. Fetches packs of trees as a whole: a walk needs nearly all of them, and one by one
 * they would be a request a directory.
 */
export class PackedTrees {
  requests = 0;
  readonly #files: Pick<RepositoryFiles, 'load'>;
  readonly #cipher: BlobCipher;
  readonly #index: BlobIndex;
  readonly #packs = new Map<string, Promise<Buffer>>();
  readonly #small = new Map<string, boolean>();

  constructor(files: Pick<RepositoryFiles, 'load'>, cipher: BlobCipher, index: BlobIndex) {
    this.#files = files;
    this.#cipher = cipher;
    this.#index = index;
  }

  /** The plaintext, its hash proven; `undefined` when it is not there, or damaged in every pack that has it. Rejects with StorageErrors. */
  async load(id: string, { signal }: { readonly signal: AbortSignal }): Promise<Buffer | undefined> {
    for (const location of this.#index.findAll('tree', id)) {
      try {
        return readBlob(this.#cipher, location, await this.#sealed(location, signal));
      } catch (error) {
        if (damageOfPack(location.packId, error) === undefined) throw error;
      }
    }
    return undefined;
  }

  async #sealed({ packId, offset, lengthBytes }: BlobLocation, signal: AbortSignal): Promise<Buffer> {
    const pack = this.#isSmall(packId) ? await this.#pack(packId, signal) : undefined;
    if (pack !== undefined) return pack.subarray(offset, offset + lengthBytes);
    return this.#fetch(packId, { range: { offset, lengthBytes }, signal });
  }

  #isSmall(packId: string): boolean {
    let small = this.#small.get(packId);
    if (small === undefined) {
      const blobs = this.#index.pack(packId)?.blobs() ?? [];
      small = blobs.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0) <= MAX_PACK_BYTES;
      this.#small.set(packId, small);
    }
    return small;
  }

  #pack(packId: string, signal: AbortSignal): Promise<Buffer> {
    const known = this.#packs.get(packId);
    // The first in the Map is the one that was not asked for longest.
    this.#packs.delete(packId);
    const pack = known ?? this.#fetch(packId, { signal });
    this.#packs.set(packId, pack);
    pack.catch(() => this.#packs.delete(packId));
    if (this.#packs.size > MAX_PACKS) this.#packs.delete(this.#packs.keys().next().value!);
    return pack;
  }

  #fetch(packId: string, options: Parameters<RepositoryFiles['load']>[2]): Promise<Buffer> {
    this.requests += 1;
    return this.#files.load('pack', packId, options);
  }
}
