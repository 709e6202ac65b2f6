import { Module } from '@nestjs/common';
import { Clock } from '../../config/clock.js';
import { CloudStorages } from '../../credentials/cloud-storages.service.js';
import { CredentialsModule } from '../../credentials/credentials.module.js';
import { Statements } from '../../database/statements.js';
import { SyncSettingsStore } from '../../sync-settings/sync-settings-store.js';
import { SyncSettingsModule } from '../../sync-settings/sync-settings.module.js';
import { FileRecords } from '../file-records.js';
import { FilesModule } from '../files.module.js';
import { OpenUploads } from '../open-uploads.js';
import { PartBuffers } from '../part-buffers.js';
import { Quotas } from '../quotas.js';
import { TransferMetrics } from '../transfer-metrics.js';
import { RESUMABLE_BUFFERS_BYTES, RESUMABLE_BUFFERS_BYTES_PER_USER } from '../upload-limits.js';
import { UploadSlots } from '../upload-slots.js';
import { DigestMemory } from './digest-memory.js';
import { TusCompletion } from './tus-completion.js';
import { TusRows } from './tus-rows.js';
import { TusUploads } from './tus-uploads.js';
import { TusController } from './tus.controller.js';
import { LOCK_SECONDS } from './upload-lock.js';
import { UploadLocks } from './upload-locks.service.js';

/** Uploads through this server that go on after an interruption. */
@Module({
  imports: [CredentialsModule, FilesModule, SyncSettingsModule],
  controllers: [TusController],
  providers: [
    UploadLocks,
    {
      provide: TusRows,
      inject: [Statements],
      useFactory: (statements: Statements) => new TusRows(statements, LOCK_SECONDS),
    },
    {
      provide: TusCompletion,
      inject: [TusRows, FileRecords, TransferMetrics],
      useFactory: (rows: TusRows, records: FileRecords, metrics: TransferMetrics) =>
        new TusCompletion(rows, records, (bytes) => metrics.uploaded(bytes)),
    },
    {
      provide: TusUploads,
      inject: [
        CloudStorages,
        SyncSettingsStore,
        Quotas,
        OpenUploads,
        TusRows,
        UploadLocks,
        UploadSlots,
        TusCompletion,
        Clock,
      ],
      useFactory: tusUploads,
    },
  ],
  exports: [TusUploads],
})
export class TusModule {}

function tusUploads(
  storages: CloudStorages,
  settings: SyncSettingsStore,
  quotas: Quotas,
  openUploads: OpenUploads,
  rows: TusRows,
  locks: UploadLocks,
  slots: UploadSlots,
  completion: TusCompletion,
  clock: Clock,
): TusUploads {
  return new TusUploads({
    bucketOf: (userId) => storages.active(userId),
    bucketOfConfig: (userId, configId) => storages.byConfigId(userId, configId),
    maxFileSizeOf: (userId) => settings.maxFileSize(userId),
    quotas,
    openUploads,
    rows,
    locks,
    slots,
    buffers: new PartBuffers(RESUMABLE_BUFFERS_BYTES, RESUMABLE_BUFFERS_BYTES_PER_USER),
    digests: new DigestMemory(),
    completion,
    now: () => clock.now(),
  });
}
