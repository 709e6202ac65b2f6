import koffi from 'koffi';

/** mallopt(3) */
const M_ARENA_MAX = -8;
/** glibc takes eight a core otherwise, and each keeps what was once used of it. */
const ARENAS = 2;

/**
 * Memory outside of V8's heap, of this process and its threads. What a walk over a large workspace or a restore needed
 * stays with the C library after it was freed: for an agent that mostly waits, several times what it needs.
 */
export class NativeMemory {
  readonly #trim: ((padBytes: number) => number) | undefined;

  /** Before threads are started. */
  constructor() {
    try {
      const library = koffi.load(null);
      library.func('int mallopt(int, int)')(M_ARENA_MAX, ARENAS);
      this.#trim = library.func('int malloc_trim(size_t)') as (padBytes: number) => number;
    } catch {
      // Another C library than glibc gives memory back by itself, or never.
    }
  }

  /** Gives back what is free. Takes some milliseconds. */
  giveBack(): void {
    this.#trim?.(0);
  }
}
