import type { RemoteService } from './worker-service.js';

/** The thread with the fewest calls under way. */
export function leastBusy(workers: readonly RemoteService[]): RemoteService {
  let best = workers[0]!;
  for (const worker of workers) if (worker.pending < best.pending) best = worker;
  return best;
}
