import type { Workers } from '../../snapshot-engine/index.js';

type RemoteService = Awaited<ReturnType<Workers['open']>>[number];

/** Threads that nobody has used for so long are given up; starting them again takes about 100 ms. */
const REST_MS = 2 * 60_000;

/** Worker threads that exist only while somebody needs them: an idle host shall not notice its agent. */
export class RestingWorkers implements Workers {
  readonly threads: number;
  readonly #start: () => Workers;
  readonly #restMs: number;
  #workers: Workers | undefined;
  #opened = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(threads: number, start: () => Workers, restMs = REST_MS) {
    this.threads = threads;
    this.#start = start;
    this.#restMs = restMs;
  }

  async open(service: string, init: unknown): Promise<readonly RemoteService[]> {
    clearTimeout(this.#timer);
    this.#opened += 1;
    this.#workers ??= this.#start();
    const workers = this.#workers;
    try {
      const services = await workers.open(service, init);
      let left = services.length;
      return services.map((each) => ({
        call: each.call.bind(each),
        get pending() {
          return each.pending;
        },
        close: async () => {
          try {
            await each.close();
          } finally {
            left -= 1;
            if (left === 0) this.#release();
          }
        },
      }));
    } catch (error) {
      // Threads that could not open it may be dead; the next run gets others.
      if (this.#workers === workers) this.#workers = undefined;
      void workers.close().catch(() => undefined);
      this.#release();
      throw error;
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const workers = this.#workers;
    this.#workers = undefined;
    await workers?.close();
  }

  #release(): void {
    this.#opened -= 1;
    if (this.#opened > 0) return;
    this.#timer = setTimeout(() => void this.close(), this.#restMs).unref();
  }
}
