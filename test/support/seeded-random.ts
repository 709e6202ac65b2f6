import { noise } from './noise.js';

/** Choices that are the same for the same seed, on any machine. */
export class SeededRandom {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(seed: number | string) {
    this.#bytes = noise(1 << 16, `choices ${seed}`);
  }

  /** At least 0 and below `limit`. */
  below(limit: number): number {
    this.#at = (this.#at + 4) % this.#bytes.length;
    return this.#bytes.readUInt32LE(this.#at) % limit;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}
