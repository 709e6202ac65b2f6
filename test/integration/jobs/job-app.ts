import { type INestApplicationContext, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { dataSourceOptions } from '../../../ormconfig.js';
import { ConfigModule } from '../../../src/config/config.module.js';
import { readEnvironment } from '../../../src/config/read-environment.js';
import { DatabaseModule } from '../../../src/database/database.module.js';
import { JobQueue } from '../../../src/jobs/job-queue.service.js';
import { JOB_TIMINGS, JobTimings } from '../../../src/jobs/job-timings.js';
import { JobUpkeep } from '../../../src/jobs/job-upkeep.service.js';
import { Jobs } from '../../../src/jobs/jobs.service.js';
import { JobListing } from '../../../src/jobs/job-listing.service.js';
import { TelemetryModule } from '../../../src/telemetry/telemetry.module.js';
import type { TestDatabase } from '../../support/database.js';

/** As long as it takes to see the same things happen. */
const TIMINGS: JobTimings = { ...JOB_TIMINGS, pollMs: 100, abortAfterMs: 200, releaseAfterMs: 1_000 };

@Module({ providers: [{ provide: JobTimings, useValue: TIMINGS }, JobQueue, Jobs, JobListing, JobUpkeep] })
class QueueModule {}

/** A replica of the server as far as jobs go. `prepare` registers what it handles; then it runs. */
export async function startReplica(
  database: TestDatabase,
  prepare: (queue: JobQueue) => void = () => undefined,
  variables: Record<string, string> = {},
): Promise<INestApplicationContext> {
  const environment = readEnvironment({
    DATABASE_URL: database.url,
    DATABASE_POOL_SIZE: '4',
    DATA_DIR: '/nonexistent',
    ...variables,
  });
  const app = await Test.createTestingModule({
    imports: [
      ConfigModule.forRoot(environment),
      TelemetryModule,
      DatabaseModule.forRoot(dataSourceOptions),
      QueueModule,
    ],
  }).compile();
  app.useLogger(false);
  prepare(app.get(JobQueue));
  await app.init();
  return app;
}
