import { Module } from '@nestjs/common';
import { JobsModule } from '../../jobs/jobs.module.js';
import { RepositoriesModule } from '../../repositories/repositories.module.js';
import { WebhooksModule } from '../../webhooks/webhooks.module.js';
import { MaintenanceModule } from '../maintenance/maintenance.module.js';
import { DrillRuns } from './drill-runs.service.js';
import { DrillsController } from './drills.controller.js';
import { Drills } from './drills.service.js';

/** Proves that snapshots can be restored, by restoring them. */
@Module({
  imports: [JobsModule, MaintenanceModule, RepositoriesModule, WebhooksModule],
  controllers: [DrillsController],
  providers: [DrillRuns, Drills],
})
export class DrillsModule {}
