import { availableParallelism } from 'node:os';
import { Injectable } from '@nestjs/common';
import { WorkerPool, type Workers } from '../../snapshot-engine/index.js';

/** One core stays for requests. */
const MAX_THREADS = 2;

/** Threads for the CPU work of checks and drills, which only exist while one runs. */
@Injectable()
export class EngineWorkers {
  async with<Result>(use: (workers: Workers) => Promise<Result>): Promise<Result> {
    const workers = this.open();
    try {
      return await use(workers);
    } finally {
      await workers.close();
    }
  }

  protected open(): Workers {
    return new WorkerPool({
      threads: Math.max(1, Math.min(MAX_THREADS, availableParallelism() - 1)),
      entry: new URL('../../snapshot-engine/engine-worker.js', import.meta.url),
    });
  }
}
