import { Module } from '@nestjs/common';
import { JobListing } from './job-listing.service.js';
import { JobQueue } from './job-queue.service.js';
import { JOB_TIMINGS, JobTimings } from './job-timings.js';
import { JobUpkeep } from './job-upkeep.service.js';
import { JobsController } from './jobs.controller.js';
import { Jobs } from './jobs.service.js';

/** Durable work in the same PostgreSQL, and what users see of it. */
@Module({
  controllers: [JobsController],
  providers: [{ provide: JobTimings, useValue: JOB_TIMINGS }, JobQueue, Jobs, JobListing, JobUpkeep],
  exports: [JobQueue, Jobs],
})
export class JobsModule {}
