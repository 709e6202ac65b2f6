import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { errorOf, type WorkerAnswer, type WorkerRequest } from './worker-messages.js';
import type { RemoteService, Workers } from './worker-service.js';

export interface WorkerPoolOptions {
  readonly threads: number;
  /** A module that calls `hostServices` on its parent port. */
  readonly entry: URL;
  /** Options of Node for the threads, e.g. module hooks. */
  readonly execArgv?: readonly string[];
}

/**
 * Garbage of a thread that is collected together. Node's own 48 MiB for each thread would be a large part of what the
 * engine may take, and collecting more often costs nothing that could be measured.
 */
const YOUNG_GENERATION_MIB = 12;

/** Threads for CPU work. A thread that dies fails its calls and, with them, the run that made them. */
export class WorkerPool implements Workers {
  readonly #workers: readonly PooledWorker[];

  constructor({ threads, entry, execArgv }: WorkerPoolOptions) {
    this.#workers = Array.from({ length: Math.max(1, threads) }, () => new PooledWorker(entry, execArgv));
  }

  get threads(): number {
    return this.#workers.length;
  }

  async open(service: string, init: unknown): Promise<readonly RemoteService[]> {
    return Promise.all(this.#workers.map((worker) => worker.open(service, init)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }
}

interface PendingCall {
  resolve(output: unknown): void;
  reject(error: Error): void;
}

class PooledWorker {
  readonly #worker: Worker;
  /** A thread that is ended while it loads a native module takes the whole process with it. */
  readonly #loaded: Promise<unknown>;
  readonly #pending = new Map<number, PendingCall>();
  #calls = 0;
  #instances = 0;
  #death: Error | undefined;

  constructor(entry: URL, execArgv: readonly string[] | undefined) {
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB };
    this.#worker = new Worker(entry, { resourceLimits, ...(execArgv && { execArgv: [...execArgv] }) });
    this.#loaded = new Promise((resolve) => {
      this.#worker.once('message', resolve);
      this.#worker.once('exit', resolve);
    });
    this.#worker.on('message', (answer: WorkerAnswer) => this.#settle(answer));
    this.#worker.on('error', (error: Error) => this.#die(error));
    this.#worker.on('exit', () => this.#die(new Error('A worker thread of the snapshot engine ended.')));
  }

  async open(service: string, init: unknown): Promise<RemoteService> {
    const instance = ++this.#instances;
    await this.#send({ call: ++this.#calls, open: service, instance, init }, []);
    let pending = 0;
    const call = async <Output>(method: string, input: unknown, transfer: readonly ArrayBuffer[] = []) => {
      pending += 1;
      try {
        return (await this.#send({ call: ++this.#calls, instance, method, input }, transfer)) as Output;
      } finally {
        pending -= 1;
      }
    };
    const close = async () => {
      if (this.#death === undefined) await this.#send({ call: ++this.#calls, closeInstance: instance }, []);
    };
    return {
      call,
      close,
      get pending() {
        return pending;
      },
    };
  }

  async close(): Promise<void> {
    await this.#loaded;
    if (this.#death !== undefined) return;
    const exit = once(this.#worker, 'exit');
    void this.#worker.terminate();
    await exit;
  }

  #send(request: WorkerRequest, transfer: readonly ArrayBuffer[]): Promise<unknown> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    return new Promise((resolve, reject) => {
      this.#worker.postMessage(request, [...transfer]);
      // A process waits for work under way and for nothing else.
      if (this.#pending.size === 0) this.#worker.ref();
      this.#pending.set(request.call, { resolve, reject });
    });
  }

  #settle(answer: WorkerAnswer): void {
    if ('ready' in answer) {
      // Until here it kept the process alive, which must not end while a thread loads.
      if (this.#pending.size === 0) this.#worker.unref();
      return;
    }
    const call = this.#pending.get(answer.call);
    this.#pending.delete(answer.call);
    if (this.#pending.size === 0) this.#worker.unref();
    if ('failure' in answer) call?.reject(errorOf(answer.failure));
    else call?.resolve(answer.output);
  }

  #die(error: Error): void {
    this.#death ??= error;
    for (const call of this.#pending.values()) call.reject(this.#death);
    this.#pending.clear();
  }
}
