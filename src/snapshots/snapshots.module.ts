import { Global, Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { SnapshotStats } from '../credentials/snapshot-stats.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { RepositoriesModule } from '../repositories/repositories.module.js';
import { StorageProvidersModule } from '../storage-providers/storage-providers.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { EntriesController } from './browsing/entries.controller.js';
import { SnapshotBrowsers } from './browsing/snapshot-browsers.service.js';
import { SnapshotContent } from './browsing/snapshot-content.service.js';
import { SnapshotReads } from './browsing/snapshot-reads.service.js';
import { SnapshotDeletion } from './history/snapshot-deletion.service.js';
import { SnapshotsController } from './history/snapshots.controller.js';
import { Snapshots } from './history/snapshots.service.js';
import { MaintenanceModule } from './maintenance/maintenance.module.js';
import { RepositoryPasswordController } from './repository-password.controller.js';
import { AbandonedRestores } from './restores/abandoned-restores.service.js';
import { RestoreChanges } from './restores/restore-changes.service.js';
import { RestoreEvents } from './restores/restore-events.service.js';
import { RestoreListing } from './restores/restore-listing.service.js';
import { RestoresController } from './restores/restores.controller.js';
import { Restores } from './restores/restores.service.js';
import { StoredSnapshotStats } from './stored-snapshot-stats.service.js';
import { HealthMetrics } from './workspaces/health-metrics.service.js';
import { HostPaths } from './workspaces/host-paths.service.js';
import { RepositoryRemoval } from './workspaces/repository-removal.service.js';
import { Watchdog } from './workspaces/watchdog.service.js';
import { WorkspaceDeletion } from './workspaces/workspace-deletion.service.js';
import { WorkspaceListing } from './workspaces/workspace-listing.service.js';
import { WorkspacesController } from './workspaces/workspaces.controller.js';
import { Workspaces } from './workspaces/workspaces.service.js';

/** Users' view of workspaces. Global, because the settings below ask for the statistics without knowing who keeps them. */
@Global()
@Module({
  imports: [
    AgentsModule,
    JobsModule,
    MaintenanceModule,
    RepositoriesModule,
    StorageProvidersModule,
    WebhooksModule,
  ],
  controllers: [
    WorkspacesController,
    SnapshotsController,
    EntriesController,
    RestoresController,
    RepositoryPasswordController,
  ],
  providers: [
    { provide: SnapshotStats, useClass: StoredSnapshotStats },
    AbandonedRestores,
    HealthMetrics,
    HostPaths,
    RepositoryRemoval,
    RestoreChanges,
    RestoreEvents,
    RestoreListing,
    Restores,
    SnapshotBrowsers,
    SnapshotContent,
    SnapshotDeletion,
    SnapshotReads,
    Snapshots,
    Watchdog,
    WorkspaceDeletion,
    WorkspaceListing,
    Workspaces,
  ],
  exports: [SnapshotStats],
})
export class SnapshotsModule {}
