import type { BlobIndex, BlobLocation } from '../blob-index/blob-index.js';
import type { BlobCipher } from '../crypto/blob-cipher.js';
import { damaged, type RepositoryError } from '../errors/repository-error.js';
import type { BlobType } from '../pack/packed-blob.js';
import { readBlob } from '../pack/read-blob.js';
import { BadPacks, damageOfPack } from './bad-packs.js';
import type { FileCallOptions, RepositoryFiles } from './repository-files.js';
import { TreeCache } from './tree-cache.js';
import { TreeWindows } from './tree-windows.js';

/** A walk asks for the same trees again and again; some ten thousand directories of usual size. */
const TREE_CACHE_BYTES = 16 * 1_024 * 1_024;

/** Reads single blobs. Whoever needs many of one pack fetches ranges of it instead. */
export class BlobLoader {
  /** Packs whose copy of a blob was of no use. */
  readonly badPacks = new BadPacks();
  readonly #files: RepositoryFiles;
  readonly #cipher: BlobCipher;
  readonly #trees = new TreeCache(TREE_CACHE_BYTES);
  readonly #windows: TreeWindows;

  constructor(files: RepositoryFiles, cipher: BlobCipher) {
    this.#files = files;
    this.#cipher = cipher;
    this.#windows = new TreeWindows(files);
  }

  /**
   * The plaintext, its hash proven; not to be changed. Where a blob lies in several packs, all are tried,
   * each once, the one that was indexed first before the others; packs that were tried in vain are in `badPacks`.
   * Throws `damaged_repository` when the index does not know it or no copy can be read.
   */
  async load(type: BlobType, id: string, index: BlobIndex, options: FileCallOptions = {}): Promise<Buffer> {
    const cached = type === 'tree' ? this.#trees.get(id) : undefined;
    if (cached !== undefined) return cached;
    let failure: RepositoryError | undefined;
    for (const location of index.findAll(type, id)) {
      try {
        const plaintext = await this.#read(location, index, options);
        if (type === 'tree') this.#trees.set(id, plaintext);
        return plaintext;
      } catch (error) {
        const damage = damageOfPack(location.packId, error);
        if (damage === undefined) throw error;
        this.badPacks.note(location.packId, damage.message);
        failure ??= damage;
      }
    }
    throw failure ?? damaged(`${type} blob ${id}`, 'no index lists it');
  }

  async #read(location: BlobLocation, index: BlobIndex, { signal }: FileCallOptions): Promise<Buffer> {
    const { packId, offset, lengthBytes, type } = location;
    const nearby = type === 'tree' ? index.pack(packId)?.blobBytes : undefined;
    const window = nearby && (await this.#windows.load(location, nearby, { signal }));
    if (window) return readBlob(this.#cipher, location, window);
    const sealed = await this.#files.load('pack', packId, { range: { offset, lengthBytes }, signal });
    return readBlob(this.#cipher, location, sealed);
  }
}
