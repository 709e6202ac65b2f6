import type { BlobLocation } from '../blob-index/blob-index.js';
import type { FileCallOptions, RepositoryFiles } from './repository-files.js';

/** A request for this much takes hardly longer than one for a tree of some hundred bytes. */
const WINDOW_BYTES = 256 * 1_024;
/** Larger trees are fetched by themselves. */
const MAX_TREE_BYTES = WINDOW_BYTES / 4;
const MAX_WINDOWS = 32;

/**
 * Sealed parts of tree packs. The trees of a snapshot lie next to each other, so whoever walks it asks for the
 * neighbours soon: a walk of ten thousand directories takes some dozen requests instead of as many. Holds at most
 * 8 MiB.
 */
export class TreeWindows {
  readonly #files: RepositoryFiles;
  /** Least recently used first; windows under way are in it, too. */
  readonly #windows = new Map<string, Promise<Buffer>>();

  constructor(files: RepositoryFiles) {
    this.#files = files;
  }

  /**
   * The sealed bytes of a tree, or undefined when it is to be fetched by itself: it is large, it lies across two windows,
   * or its window could not be loaded. `blobBytes`: where the blobs of its pack end.
   */
  async load(
    { packId, offset, lengthBytes }: BlobLocation,
    blobBytes: number,
    options: FileCallOptions,
  ): Promise<Buffer | undefined> {
    const start = offset - (offset % WINDOW_BYTES);
    const end = Math.min(start + WINDOW_BYTES, blobBytes);
    if (lengthBytes > MAX_TREE_BYTES || offset + lengthBytes > end) return undefined;
    const window = await this.#window(packId, start, end - start, options).catch(() => undefined);
    return window?.subarray(offset - start, offset - start + lengthBytes);
  }

  #window(packId: string, offset: number, lengthBytes: number, options: FileCallOptions): Promise<Buffer> {
    const name = `${packId} ${offset} ${lengthBytes}`;
    const known = this.#windows.get(name);
    this.#windows.delete(name);
    const window = known ?? this.#files.load('pack', packId, { range: { offset, lengthBytes }, ...options });
    this.#windows.set(name, window);
    if (known === undefined) {
      // Whoever comes next tries again.
      window.catch(() => this.#windows.delete(name));
      for (const oldest of this.#windows.keys()) {
        if (this.#windows.size <= MAX_WINDOWS) break;
        this.#windows.delete(oldest);
      }
    }
    return window;
  }
}
