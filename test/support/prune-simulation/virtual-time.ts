import { setImmediate } from 'node:timers/promises';

interface Waiting {
  readonly atMs: number;
  readonly turn: number;
  readonly wake: () => void;
}

/** More turns of the event loop than any work between two waits takes. */
const MAX_IDLE_TURNS = 1_000;

/** A clock that jumps to whatever is due next once everybody waits. The same program sees the same order of events. */
export class VirtualTime {
  #nowMs: number;
  #turns = 0;
  readonly #heap: Waiting[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.at(this.#nowMs + ms, resolve));
  }

  at(timeMs: number, wake: () => void): void {
    this.#turns += 1;
    push(this.#heap, { atMs: Math.max(Math.ceil(timeMs), this.#nowMs), turn: this.#turns, wake });
  }

  /** Lets time pass until `work` has ended, and answers what it does. */
  async during<T>(work: Promise<T>): Promise<T> {
    let ended = false;
    const end = () => {
      ended = true;
    };
    work.then(end, end);
    for (let idle = 0; idle < MAX_IDLE_TURNS; idle += 1) {
      // Everything that the last event set in motion comes to its next wait first, rests of the event loop included.
      await setImmediate();
      await setImmediate();
      if (ended) return work;
      const next = pop(this.#heap);
      if (next === undefined) continue;
      idle = 0;
      this.#nowMs = next.atMs;
      next.wake();
    }
    throw new Error('Everybody waits for nothing.');
  }
}

function isEarlier(left: Waiting, right: Waiting): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.turn < right.turn);
}

function push(heap: Waiting[], waiting: Waiting): void {
  let at = heap.length;
  heap.push(waiting);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isEarlier(waiting, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = waiting;
}

function pop(heap: Waiting[]): Waiting | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isEarlier(heap[child + 1]!, heap[child]!)) child += 1;
    if (!isEarlier(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return first;
}
