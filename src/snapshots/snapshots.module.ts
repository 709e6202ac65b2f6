import { Global, Module } from '@nestjs/common';
import { SnapshotStats } from '../credentials/snapshot-stats.js';
import { StoredSnapshotStats } from './stored-snapshot-stats.service.js';

/** Global, because the settings below ask for the statistics without knowing who keeps them. */
@Global()
@Module({
  providers: [{ provide: SnapshotStats, useClass: StoredSnapshotStats }],
  exports: [SnapshotStats],
})
export class SnapshotsModule {}
