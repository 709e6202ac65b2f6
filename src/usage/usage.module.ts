import { Module } from '@nestjs/common';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { FilesModule } from '../files/files.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { StorageProvidersModule } from '../storage-providers/storage-providers.module.js';
import { PricesController } from './prices.controller.js';
import { Prices } from './prices.service.js';
import { UsageReads } from './usage-reads.service.js';
import { UsageRecorder } from './usage-recorder.service.js';
import { UsageReport } from './usage-report.service.js';
import { UsageController } from './usage.controller.js';

/** What users' buckets hold, what is done with them, and what that costs. */
@Module({
  imports: [CredentialsModule, FilesModule, JobsModule, StorageProvidersModule],
  controllers: [UsageController, PricesController],
  providers: [Prices, UsageReads, UsageRecorder, UsageReport],
  exports: [Prices],
})
export class UsageModule {}
