/** Trees that were read last, up to a number of bytes. */
export class TreeCache {
  readonly #trees = new Map<string, Buffer>();
  readonly #maxBytes: number;
  #sizeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(id: string): Buffer | undefined {
    const tree = this.#trees.get(id);
    if (tree === undefined) return undefined;
    // A Map keeps the order of insertion: the first is the one that was not asked for longest.
    this.#trees.delete(id);
    this.#trees.set(id, tree);
    return tree;
  }

  set(id: string, tree: Buffer): void {
    if (tree.length > this.#maxBytes || this.#trees.has(id)) return;
    this.#trees.set(id, tree);
    this.#sizeBytes += tree.length;
    for (const [oldest, { length }] of this.#trees) {
      if (this.#sizeBytes <= this.#maxBytes) return;
      this.#trees.delete(oldest);
      this.#sizeBytes -= length;
    }
  }
}
