import { Module } from '@nestjs/common';
import { JobsModule } from '../../jobs/jobs.module.js';
import { RepositoriesModule } from '../../repositories/repositories.module.js';
import { WebhooksModule } from '../../webhooks/webhooks.module.js';
import { AskedChecks } from './asked-checks.service.js';
import { ChecksController } from './checks.controller.js';
import { EngineWorkers } from './engine-workers.service.js';
import { FalsePacks } from './false-packs.service.js';
import { MaintenanceLeases } from './maintenance-leases.service.js';
import { MaintenanceTasks } from './maintenance-tasks.service.js';
import { RepositoryAccess } from './repository-access.service.js';
import { RepositoryChecks } from './repository-checks.service.js';
import { RepositoryMaintenance } from './repository-maintenance.service.js';
import { RepositoryProblems } from './repository-problems.service.js';

/** Looks after repositories: thinning, prune, checks. */
@Module({
  imports: [JobsModule, RepositoriesModule, WebhooksModule],
  controllers: [ChecksController],
  providers: [
    AskedChecks,
    EngineWorkers,
    FalsePacks,
    MaintenanceLeases,
    MaintenanceTasks,
    RepositoryAccess,
    RepositoryChecks,
    RepositoryMaintenance,
    RepositoryProblems,
  ],
  exports: [EngineWorkers, MaintenanceLeases, RepositoryAccess, RepositoryProblems],
})
export class MaintenanceModule {}
