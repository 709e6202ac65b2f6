import { Global, Module } from '@nestjs/common';
import { SnapshotStats } from '../credentials/snapshot-stats.js';
import { RepositoriesModule } from '../repositories/repositories.module.js';
import { RepositoryPasswordController } from './repository-password.controller.js';
import { StoredSnapshotStats } from './stored-snapshot-stats.service.js';

/** Global, because the settings below ask for the statistics without knowing who keeps them. */
@Global()
@Module({
  imports: [RepositoriesModule],
  controllers: [RepositoryPasswordController],
  providers: [{ provide: SnapshotStats, useClass: StoredSnapshotStats }],
  exports: [SnapshotStats],
})
export class SnapshotsModule {}
