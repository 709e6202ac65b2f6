import { Module } from '@nestjs/common';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { AgentAccess } from './agent-access.service.js';
import { CommittingSweep } from './committing-sweep.service.js';
import { DoomedPackRows } from './doomed-pack-rows.service.js';
import { FileOrders } from './file-orders.service.js';
import { IndexFiles } from './index-files.service.js';
import { Leases } from './leases.service.js';
import { Proofs } from './proofs.service.js';
import { Repositories } from './repositories.service.js';
import { RepositoryPasswords } from './repository-passwords.service.js';
import { RestoreEndings } from './restore-endings.service.js';
import { RestoreSteps } from './restore-steps.service.js';
import { SnapshotCommits } from './snapshot-commits.service.js';
import { StoredFiles } from './stored-files.service.js';
import { UnprovenPacks } from './unproven-packs.service.js';

/** The repositories of workspaces: opening, leases, orders, commits. */
@Module({
  imports: [CredentialsModule, JobsModule, WebhooksModule],
  providers: [
    AgentAccess,
    CommittingSweep,
    DoomedPackRows,
    FileOrders,
    IndexFiles,
    Leases,
    Proofs,
    Repositories,
    RepositoryPasswords,
    RestoreEndings,
    RestoreSteps,
    SnapshotCommits,
    StoredFiles,
    UnprovenPacks,
  ],
  exports: [
    AgentAccess,
    DoomedPackRows,
    FileOrders,
    IndexFiles,
    Leases,
    Proofs,
    Repositories,
    RepositoryPasswords,
    RestoreEndings,
    RestoreSteps,
    SnapshotCommits,
    UnprovenPacks,
  ],
})
export class RepositoriesModule {}
