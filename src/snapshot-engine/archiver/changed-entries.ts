/** Names of entries, one character a byte. `all`: too many, or nobody knows which. */
export type EntryNames = ReadonlySet<string> | 'all';

/** With more of them a directory is better listed. */
export const MAX_NAMES_PER_DIRECTORY = 256;
/** When there are more in all directories together, further names stand for all of theirs. */
const MAX_NAMES = 65_536;

/** Directories by their paths, each with the names of those of its entries that something is to be said about. */
export class ChangedEntries implements Iterable<readonly [directory: string, names: EntryNames]> {
  readonly #names = new Map<string, Set<string> | 'all'>();
  #count = 0;

  /** Directories. */
  get size(): number {
    return this.#names.size;
  }

  get(directory: string): EntryNames | undefined {
    return this.#names.get(directory);
  }

  has(directory: string): boolean {
    return this.#names.has(directory);
  }

  add(directory: string, name: string): void {
    const names = this.#names.get(directory);
    if (names === 'all' || names?.has(name)) return;
    const isFull = (names?.size ?? 0) === MAX_NAMES_PER_DIRECTORY || this.#count === MAX_NAMES;
    if (isFull) return this.addWhole(directory);
    this.#count += 1;
    if (names === undefined) this.#names.set(directory, new Set([name]));
    else names.add(name);
  }

  addWhole(directory: string): void {
    const names = this.#names.get(directory);
    if (names !== undefined && names !== 'all') this.#count -= names.size;
    this.#names.set(directory, 'all');
  }

  addNames(directory: string, names: Iterable<string> | 'all'): void {
    if (names === 'all') this.addWhole(directory);
    else for (const name of names) this.add(directory, name);
  }

  addAll(others: Iterable<readonly [directory: string, names: EntryNames]>): void {
    for (const [directory, names] of others) this.addNames(directory, names);
  }

  clear(): void {
    this.#names.clear();
    this.#count = 0;
  }

  [Symbol.iterator](): Iterator<readonly [directory: string, names: EntryNames]> {
    return this.#names[Symbol.iterator]();
  }
}
