import { setImmediate } from 'node:timers/promises';

/** Far below the 50 ms that nobody shall wait for the event loop. */
const MAX_TURN_MS = 8;

/**
 * Cuts long work on the main thread into turns: ask `isDue` often, and `rest` when it says so. Several tasks may share
 * one: each turn of the event loop then goes to one of them.
 */
export class LoopPacer {
  #turnStarted = performance.now();
  #queue: Promise<unknown> = Promise.resolve();

  get isDue(): boolean {
    return performance.now() - this.#turnStarted >= MAX_TURN_MS;
  }

  /** Lets everything else that is waiting run first. */
  async rest(): Promise<void> {
    const turn = this.#queue.then(() => setImmediate());
    this.#queue = turn;
    await turn;
    this.#turnStarted = performance.now();
  }
}
