import { Transferring, type RemoteService, type Workers, type WorkerServices } from './worker-service.js';

/** Services on the caller's own thread: the same results, no parallel work. */
export class InlineWorkers implements Workers {
  readonly threads = 1;

  readonly #services: WorkerServices;

  constructor(services: WorkerServices) {
    this.#services = services;
  }

  async open(name: string, init: unknown): Promise<readonly RemoteService[]> {
    const factory = this.#services[name];
    if (factory === undefined) throw new Error(`No worker service is called ${name}.`);
    const service = await factory(init as never);
    let pending = 0;
    const call = async <Output>(method: string, input: unknown): Promise<Output> => {
      pending += 1;
      try {
        const output = await service[method]!(input as never);
        return (output instanceof Transferring ? output.value : output) as Output;
      } finally {
        pending -= 1;
      }
    };
    return [
      {
        call,
        close: async () => undefined,
        get pending() {
          return pending;
        },
      },
    ];
  }

  async close(): Promise<void> {}
}
