import { closeFd } from '../filesystem/open-beneath.js';

/** Open descriptors by path, the ones used last. */
export class DescriptorCache {
  readonly #open = new Map<string, number>();
  readonly #capacity: number;
  readonly #openOne: (path: string) => number;

  constructor(capacity: number, openOne: (path: string) => number) {
    this.#capacity = capacity;
    this.#openOne = openOne;
  }

  /** Valid until the next call. */
  get(path: string): number {
    const known = this.#open.get(path);
    const fd = known ?? this.#openOne(path);
    if (known !== undefined) this.#open.delete(path);
    this.#open.set(path, fd);
    if (this.#open.size > this.#capacity) this.forget(this.#open.keys().next().value!);
    return fd;
  }

  forget(path: string): void {
    const fd = this.#open.get(path);
    if (fd === undefined) return;
    this.#open.delete(path);
    closeFd(fd);
  }

  clear(): void {
    for (const path of [...this.#open.keys()]) this.forget(path);
  }
}
