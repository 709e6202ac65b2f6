import { Global, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../../ormconfig.js';
import { AuthModule } from '../../../src/auth/auth.module.js';
import { ConfigModule } from '../../../src/config/config.module.js';
import { readEnvironment } from '../../../src/config/read-environment.js';
import { CloudStorages, type OpenedConfig } from '../../../src/credentials/cloud-storages.service.js';
import { SealedTexts } from '../../../src/credentials/sealing/sealed-texts.service.js';
import { SnapshotStats } from '../../../src/credentials/snapshot-stats.js';
import { DatabaseModule } from '../../../src/database/database.module.js';
import { AgentAccess } from '../../../src/repositories/agent-access.service.js';
import { CommittingSweep } from '../../../src/repositories/committing-sweep.service.js';
import { DoomedPackRows } from '../../../src/repositories/doomed-pack-rows.service.js';
import { FileOrders } from '../../../src/repositories/file-orders.service.js';
import { IndexFiles } from '../../../src/repositories/index-files.service.js';
import { Leases } from '../../../src/repositories/leases.service.js';
import { RepositoriesModule } from '../../../src/repositories/repositories.module.js';
import { Repositories } from '../../../src/repositories/repositories.service.js';
import { SnapshotCommits } from '../../../src/repositories/snapshot-commits.service.js';
import { StoredSnapshotStats } from '../../../src/snapshots/stored-snapshot-stats.service.js';
import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';
import { Metrics } from '../../../src/telemetry/metrics.js';
import { TelemetryModule } from '../../../src/telemetry/telemetry.module.js';

@Global()
@Module({
  providers: [{ provide: SnapshotStats, useClass: StoredSnapshotStats }],
  exports: [SnapshotStats],
})
class StatsModule {}

/** One server process as far as repositories are concerned, without HTTP; all users have the same bucket. */
export class RepositoriesProcess {
  private constructor(
    private readonly app: TestingModule,
    /** What is here is what the next call gets, as when credentials change. */
    readonly bucket: { storage: ObjectStorage },
  ) {}

  static async start(
    variables: Record<string, string>,
    storage: ObjectStorage,
  ): Promise<RepositoriesProcess> {
    const environment = readEnvironment({ DATABASE_POOL_SIZE: '8', STOWAGE_ROLES: 'api', ...variables });
    const bucket = { storage };
    const opened = async (): Promise<OpenedConfig> => ({
      configId: 1,
      provider: bucket.storage.provider,
      bucketName: 'stowage-test',
      storage: bucket.storage,
    });
    const app = await Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(environment),
        TelemetryModule,
        DatabaseModule.forRoot(dataSourceOptions),
        AuthModule,
        StatsModule,
        RepositoriesModule,
      ],
    })
      .overrideProvider(CloudStorages)
      .useValue({ active: opened, byConfigId: opened })
      .compile();
    app.useLogger(false);
    await app.init();
    return new RepositoriesProcess(app, bucket);
  }

  get repositories(): Repositories {
    return this.app.get(Repositories);
  }

  get leases(): Leases {
    return this.app.get(Leases);
  }

  get orders(): FileOrders {
    return this.app.get(FileOrders);
  }

  get indexes(): IndexFiles {
    return this.app.get(IndexFiles);
  }

  get access(): AgentAccess {
    return this.app.get(AgentAccess);
  }

  get commits(): SnapshotCommits {
    return this.app.get(SnapshotCommits);
  }

  get dooms(): DoomedPackRows {
    return this.app.get(DoomedPackRows);
  }

  get texts(): SealedTexts {
    return this.app.get(SealedTexts);
  }

  get sweep(): CommittingSweep {
    return this.app.get(CommittingSweep);
  }

  get database(): DataSource {
    return this.app.get(DataSource);
  }

  metrics(): Promise<string> {
    return this.app.get(Metrics).text();
  }

  async stop(): Promise<void> {
    await this.app.close();
  }
}
