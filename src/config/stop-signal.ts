import { setMaxListeners } from 'node:events';

/**
 * Tells all modules that this process stops, while requests are still served: whoever makes a client wait answers now,
 * and nobody begins long work.
 */
export class StopSignal {
  readonly #stopping = new AbortController();

  constructor() {
    // One listener for each client that waits is no leak.
    setMaxListeners(0, this.signal);
  }

  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Once, at the first signal to stop. */
  stop(): void {
    this.#stopping.abort();
  }
}
