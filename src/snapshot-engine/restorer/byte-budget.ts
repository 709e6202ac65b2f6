/** Bounds how much is under way at once: so many bytes, and so many takers. First come, first served. */
export class ByteBudget {
  readonly #maxBytes: number;
  readonly #maxTakers: number;
  readonly #waiting: { bytes: number; start: () => void }[] = [];
  #bytes = 0;
  #takers = 0;

  constructor(maxBytes: number, maxTakers: number) {
    this.#maxBytes = maxBytes;
    this.#maxTakers = maxTakers;
  }

  /** Resolves when there is room. More than the whole budget gets in alone. */
  take(bytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ bytes, start: resolve });
      this.#admit();
    });
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
    this.#takers -= 1;
    this.#admit();
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const fits = this.#bytes + next.bytes <= this.#maxBytes && this.#takers < this.#maxTakers;
      if (!fits && this.#takers > 0) return;
      this.#waiting.shift();
      this.#bytes += next.bytes;
      this.#takers += 1;
      next.start();
    }
  }
}
