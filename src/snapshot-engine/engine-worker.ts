import { parentPort } from 'node:worker_threads';
import { archiveServices } from './archiver/archive-service.js';
import { createCheckService } from './maintenance/check-worker.js';
import { createRestoreService } from './restorer/restore-worker.js';
import { hostServices } from './workers/worker-host.js';
import type { WorkerServices } from './workers/worker-service.js';

/** What runs on the engine's worker threads; also for workers on the caller's own thread. */
export const ENGINE_SERVICES: WorkerServices = {
  archive: archiveServices(),
  check: createCheckService,
  restore: createRestoreService,
};

if (parentPort !== null) hostServices(ENGINE_SERVICES, parentPort);
