const FIRST_BYTES = 1_024;

/** A set of small whole numbers, an eighth of a byte each: rows of a blob index. */
export class RowBits {
  #bits = new Uint8Array(FIRST_BYTES);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  has(row: number): boolean {
    return ((this.#bits[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
  }

  /** Whether the row is new. */
  add(row: number): boolean {
    if (this.has(row)) return false;
    const at = row >>> 3;
    if (at >= this.#bits.length) this.#grow(at + 1);
    this.#bits[at]! |= 1 << (row & 7);
    this.#count += 1;
    return true;
  }

  #grow(neededBytes: number): void {
    const larger = new Uint8Array(Math.max(neededBytes, 2 * this.#bits.length));
    larger.set(this.#bits);
    this.#bits = larger;
  }
}
