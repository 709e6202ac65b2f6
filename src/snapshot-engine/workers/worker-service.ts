/**
 * What runs on a worker thread: an object whose methods take one cloneable input. A method may answer `transferring`
 * to hand buffers over without a copy. Calls to one instance start in the order in which they were made.
 */
export type WorkerService = Readonly<Record<string, (input: never) => unknown>>;

/** Makes a service; called once a thread for every `WorkerPool.open`. */
export type WorkerServiceFactory = (init: never) => WorkerService | Promise<WorkerService>;

export type WorkerServices = Readonly<Record<string, WorkerServiceFactory>>;

/** A service on some thread, seen from the main thread. */
export interface RemoteService {
  call<Output>(method: string, input: unknown, transfer?: readonly ArrayBuffer[]): Promise<Output>;
  /** Calls that have not been answered. */
  readonly pending: number;
  /** Forgets the instance with all that it holds. Calls under way are answered first. */
  close(): Promise<void>;
}

/** Threads that can open services: worker threads, or the caller's own thread (tests, machines with one core). */
export interface Workers {
  readonly threads: number;
  /** One instance on every thread. */
  open(service: string, init: unknown): Promise<readonly RemoteService[]>;
  close(): Promise<void>;
}

/** An answer whose buffers move to the main thread. */
export class Transferring<T> {
  readonly value: T;
  readonly buffers: readonly ArrayBuffer[];

  constructor(value: T, buffers: readonly ArrayBuffer[]) {
    this.value = value;
    this.buffers = buffers;
  }
}
