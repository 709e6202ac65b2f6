import { availableParallelism } from 'node:os';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { RestingWorkers, WorkerPool, type Workers } from '../../snapshot-engine/index.js';

/** One core stays for requests. */
const MAX_THREADS = 2;

/** Threads for the CPU work of checks and drills: shared by all that run, and gone some time after the last one. */
@Injectable()
export class EngineWorkers implements OnModuleDestroy {
  readonly shared: Workers;
  private readonly threads = Math.max(1, Math.min(MAX_THREADS, availableParallelism() - 1));

  constructor() {
    this.shared = new RestingWorkers({ threads: this.threads, start: () => this.start() });
  }

  async onModuleDestroy(): Promise<void> {
    await this.shared.close();
  }

  protected start(): Workers {
    return new WorkerPool({
      threads: this.threads,
      entry: new URL('../../snapshot-engine/engine-worker.js', import.meta.url),
    });
  }
}
