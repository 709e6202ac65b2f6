import type { RemoteService, Workers } from './worker-service.js';

/** Threads that nobody has used for so long are given up; starting them again takes about 100 ms. */
const REST_MS = 2 * 60_000;
/** A run is over for sure, and what it needed is free. */
const IDLE_MS = 2_000;

export interface RestingWorkersOptions {
  readonly threads: number;
  readonly start: () => Workers;
  /** Called some time after the last one has used them, and after they have ended. */
  readonly onIdle?: () => void;
  readonly restMs?: number;
  readonly idleMs?: number;
}

/**
 * Worker threads that exist only while somebody needs them, and are shared by all who need them at the same time: an
 * idle machine shall not notice us.
 */
export class RestingWorkers implements Workers {
  readonly threads: number;
  readonly #options: RestingWorkersOptions;
  #workers: Workers | undefined;
  #opened = 0;
  #timers: NodeJS.Timeout[] = [];

  constructor(options: RestingWorkersOptions) {
    this.threads = options.threads;
    this.#options = options;
  }

  async open(service: string, init: unknown): Promise<readonly RemoteService[]> {
    this.#clearTimers();
    this.#opened += 1;
    this.#workers ??= this.#options.start();
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
    this.#clearTimers();
    const workers = this.#workers;
    this.#workers = undefined;
    await workers?.close();
  }

  #release(): void {
    this.#opened -= 1;
    if (this.#opened > 0) return;
    const { onIdle = () => undefined, restMs = REST_MS, idleMs = IDLE_MS } = this.#options;
    this.#clearTimers();
    this.#timers = [
      setTimeout(onIdle, idleMs).unref(),
      setTimeout(() => void this.close().then(onIdle), restMs).unref(),
    ];
  }

  #clearTimers(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
  }
}
