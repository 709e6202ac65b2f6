import { type DynamicModule, Module } from '@nestjs/common';
import { dataSourceOptions } from '../ormconfig.js';
import { AgentsModule } from './agents/agents.module.js';
import { AuthModule } from './auth/auth.module.js';
import { ConfigModule } from './config/config.module.js';
import type { Environment } from './config/environment.js';
import { CredentialsModule } from './credentials/credentials.module.js';
import { DatabaseModule } from './database/database.module.js';
import { EpochModule } from './files/epoch/epoch.module.js';
import { DirectUploadsModule } from './files/direct-uploads/direct-uploads.module.js';
import { FilesModule } from './files/files.module.js';
import { RetentionModule } from './files/retention/retention.module.js';
import { SharesModule } from './files/shares/shares.module.js';
import { SweepsModule } from './files/sweeps/sweeps.module.js';
import { TusModule } from './files/tus/tus.module.js';
import { UploadExpiryModule } from './files/upload-expiry/upload-expiry.module.js';
import { VerificationModule } from './files/verification/verification.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { LocalFilesModule } from './local-files/local-files.module.js';
import { MovesModule } from './moves/moves.module.js';
import { RepositoriesModule } from './repositories/repositories.module.js';
import { DrillsModule } from './snapshots/drills/drills.module.js';
import { MaintenanceModule } from './snapshots/maintenance/maintenance.module.js';
import { SnapshotsModule } from './snapshots/snapshots.module.js';
import { StorageProvidersModule } from './storage-providers/storage-providers.module.js';
import { SyncSettingsModule } from './sync-settings/sync-settings.module.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';
import { UsageModule } from './usage/usage.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

@Module({})
export class AppModule {
  static with(environment: Environment): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(environment),
        TelemetryModule,
        DatabaseModule.forRoot(dataSourceOptions),
        HealthModule.with(environment),
        AuthModule,
        StorageProvidersModule,
        CredentialsModule,
        JobsModule,
        WebhooksModule,
        RepositoriesModule,
        AgentsModule,
        SnapshotsModule,
        MaintenanceModule,
        DrillsModule,
        SyncSettingsModule,
        EpochModule,
        // Its route below /files comes before that of one file.
        SweepsModule,
        RetentionModule,
        FilesModule,
        SharesModule,
        UsageModule,
        DirectUploadsModule,
        TusModule,
        UploadExpiryModule,
        LocalFilesModule,
        MovesModule,
        VerificationModule,
        // After AuthModule: guards run in the order of the modules, and these need to know the caller.
        HttpModule,
      ],
    };
  }
}
