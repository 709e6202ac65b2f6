import { Module } from '@nestjs/common';
import { CloudStorages } from '../../credentials/cloud-storages.service.js';
import { CredentialsModule } from '../../credentials/credentials.module.js';
import { Statements } from '../../database/statements.js';
import { JobsModule } from '../../jobs/jobs.module.js';
import { SyncSettingsStore } from '../../sync-settings/sync-settings-store.js';
import { SyncSettingsModule } from '../../sync-settings/sync-settings.module.js';
import { FileRecords } from '../file-records.js';
import { FilesModule } from '../files.module.js';
import { OpenUploads } from '../open-uploads.js';
import { Quotas } from '../quotas.js';
import { CompletionRecovery } from './completion-recovery.service.js';
import { DirectRows } from './direct-rows.js';
import { DirectUploadsController } from './direct-uploads.controller.js';
import { DirectUploads } from './direct-uploads.js';
import { UploadCompletion } from './upload-completion.js';

/** Files that go from their clients straight into the bucket. */
@Module({
  imports: [CredentialsModule, FilesModule, JobsModule, SyncSettingsModule],
  controllers: [DirectUploadsController],
  providers: [
    {
      provide: DirectRows,
      inject: [Statements],
      useFactory: (statements: Statements) => new DirectRows(statements),
    },
    {
      provide: DirectUploads,
      inject: [DirectRows, CloudStorages, Quotas, OpenUploads, SyncSettingsStore],
      useFactory: (
        rows: DirectRows,
        storages: CloudStorages,
        quotas: Quotas,
        openUploads: OpenUploads,
        settings: SyncSettingsStore,
      ): DirectUploads =>
        new DirectUploads({
          rows,
          storages,
          quotas,
          openUploads,
          maxFileSizeOf: (userId) => settings.maxFileSize(userId),
        }),
    },
    {
      provide: UploadCompletion,
      inject: [DirectRows, FileRecords, CloudStorages, Quotas, SyncSettingsStore],
      useFactory: (
        rows: DirectRows,
        records: FileRecords,
        storages: CloudStorages,
        quotas: Quotas,
        settings: SyncSettingsStore,
      ): UploadCompletion =>
        new UploadCompletion({
          rows,
          records,
          storages,
          quotas,
          maxFileSizeOf: (userId) => settings.maxFileSize(userId),
        }),
    },
    CompletionRecovery,
  ],
  exports: [DirectUploads],
})
export class DirectUploadsModule {}
