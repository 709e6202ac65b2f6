/**
 * Memory for the plaintext of one turn. A chunk is at most 8 MiB long, so that a fresh arena always holds a whole one.
 */
export const ARENA_BYTES = 9 * 1_024 * 1_024;

export class PlaintextArena {
  readonly memory = Buffer.allocUnsafeSlow(ARENA_BYTES);
  used = 0;

  get free(): number {
    return ARENA_BYTES - this.used;
  }

  /** The next `lengthBytes`, which stay the caller's until the arena is reset. */
  take(lengthBytes: number): Buffer {
    const start = this.used;
    this.used += lengthBytes;
    return this.memory.subarray(start, this.used);
  }
}

/** Arenas that are used again and again: buffers of this size as garbage would be the whole memory of the process. */
export class ArenaPool {
  readonly #free: PlaintextArena[] = [];

  acquire(): PlaintextArena {
    return this.#free.pop() ?? new PlaintextArena();
  }

  release(arena: PlaintextArena): void {
    arena.used = 0;
    this.#free.push(arena);
  }
}
