import { Module } from '@nestjs/common';
import { CredentialsModule } from '../../credentials/credentials.module.js';
import { JobsModule } from '../../jobs/jobs.module.js';
import { SyncSettingsModule } from '../../sync-settings/sync-settings.module.js';
import { EpochModule } from '../epoch/epoch.module.js';
import { FilesModule } from '../files.module.js';
import { RetentionController } from './retention.controller.js';
import { Retention } from './retention.service.js';
import { RetentionTasks } from './retention-tasks.service.js';

/** Files that are older than their users keep them go into the trash. */
@Module({
  imports: [CredentialsModule, EpochModule, FilesModule, JobsModule, SyncSettingsModule],
  controllers: [RetentionController],
  providers: [Retention, RetentionTasks],
})
export class RetentionModule {}
