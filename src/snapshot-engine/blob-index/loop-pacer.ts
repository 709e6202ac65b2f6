import { setImmediate } from 'node:timers/promises';

/** Far below the 50 ms that nobody shall wait for the event loop. */
const MAX_TURN_MS = 8;

/** Cuts long work on the main thread into turns: ask `isDue` often, and `rest` when it says so. */
export class LoopPacer {
  #turnStarted = performance.now();

  get isDue(): boolean {
    return performance.now() - this.#turnStarted >= MAX_TURN_MS;
  }

  /** Lets everything else that is waiting run first. */
  async rest(): Promise<void> {
    await setImmediate();
    this.#turnStarted = performance.now();
  }
}
