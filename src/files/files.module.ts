import { Inject, Logger, Module, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { DataSource } from 'typeorm';
import { AuditLog } from '../auth/audit-log.service.js';
import { Clock } from '../config/clock.js';
import { Config } from '../config/config.js';
import { CloudStorages } from '../credentials/cloud-storages.service.js';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { LocalDiskSigning } from '../credentials/local-disk-signing.service.js';
import { Statements } from '../database/statements.js';
import { openLocalBucket } from '../storage-providers/providers/local-disk.js';
import type { ConnectContext } from '../storage-providers/storage-provider.js';
import { CONNECT_CONTEXT, StorageProvidersModule } from '../storage-providers/storage-providers.module.js';
import { SyncSettingsStore } from '../sync-settings/sync-settings-store.js';
import { SyncSettingsModule } from '../sync-settings/sync-settings.module.js';
import { Metrics } from '../telemetry/metrics.js';
import { AccessTimes } from './access-times.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { EpochModule } from './epoch/epoch.module.js';
import { ByteBudget } from './byte-budget.js';
import { CloudApiController } from './cloud-api.controller.js';
import { ContentSender } from './content-sender.js';
import { DownloadUrls } from './download-urls.js';
import { CopiesController } from './copies/copies.controller.js';
import { CopyJobs } from './copies/copy-jobs.service.js';
import { FileCopies } from './copies/file-copies.js';
import { ObjectCopier } from './copies/object-copier.js';
import { FileContentController } from './file-content.controller.js';
import { FileDeletion } from './file-deletion.service.js';
import { FilePurge } from './file-purge.service.js';
import { FileReads } from './file-reads.js';
import { FileRecords } from './file-records.js';
import { FileTrash } from './file-trash.service.js';
import { FilesController } from './files.controller.js';
import { LeftoversController } from './leftovers.controller.js';
import { LocalObjectsController } from './local-objects.controller.js';
import { LocalObjects } from './local-objects.js';
import { ObjectWriter } from './object-writer.js';
import { OwnUrl } from './own-url.js';
import { PartBuffers } from './part-buffers.js';
import { TransferMetrics } from './transfer-metrics.js';
import { OpenUploads } from './open-uploads.js';
import { Quotas } from './quotas.js';
import { ReplaceContent } from './replace-content.js';
import { SMALL_BUFFERS_BYTES, WAITING_UPLOADS_PER_SLOT } from './upload-limits.js';
import { TrashController } from './trash.controller.js';
import { TrashEmptying } from './trash-emptying.service.js';
import { BulkChanges } from './organising/bulk-changes.service.js';
import { FileChangesController } from './organising/file-changes.controller.js';
import { FileChanges } from './organising/file-changes.service.js';
import { FoldersController } from './organising/folders.controller.js';
import { Folders } from './organising/folders.js';
import { FileVersionsController } from './versions/file-versions.controller.js';
import { FileVersions } from './versions/file-versions.service.js';
import { VersionTrimming } from './versions/version-trimming.service.js';
import { Searches } from './searches.js';
import { UploadSlots } from './upload-slots.js';
import { Uploads } from './uploads.js';
import { ZipDownloads } from './zip/zip-downloads.js';
import { ZipController } from './zip/zip.controller.js';

const logger = new Logger('Files');

/** Files in users' buckets: upload, list, download, delete, leftovers. */
@Module({
  imports: [CredentialsModule, EpochModule, JobsModule, StorageProvidersModule, SyncSettingsModule],
  // The routes of leftovers and archives come before that of one file, which would take the word for an id.
  controllers: [
    CloudApiController,
    LeftoversController,
    TrashController,
    ZipController,
    FilesController,
    FileChangesController,
    FileContentController,
    CopiesController,
    FileVersionsController,
    FoldersController,
    LocalObjectsController,
  ],
  providers: [
    BulkChanges,
    CopyJobs,
    FileChanges,
    FileDeletion,
    FilePurge,
    FileTrash,
    FileVersions,
    Searches,
    TrashEmptying,
    VersionTrimming,
    {
      provide: Folders,
      inject: [Statements, Searches, DataSource, AuditLog],
      useFactory: (statements: Statements, searches: Searches, database: DataSource, audit: AuditLog) =>
        new Folders(statements, searches, database, audit),
    },
    {
      provide: FileReads,
      inject: [Statements, Searches],
      useFactory: (statements: Statements, searches: Searches) => new FileReads(statements, searches),
    },
    {
      provide: TransferMetrics,
      inject: [Metrics],
      useFactory: (metrics: Metrics) => new TransferMetrics(metrics),
    },
    {
      provide: FileRecords,
      inject: [Statements, DataSource, Clock],
      useFactory: (statements: Statements, database: DataSource, clock: Clock) =>
        new FileRecords(statements, new ReplaceContent(database), () => clock.now()),
    },
    {
      provide: UploadSlots,
      inject: [Config],
      useFactory: ({ env }: Config) =>
        new UploadSlots(env.UPLOADS_PER_USER, env.UPLOADS_PER_USER * WAITING_UPLOADS_PER_SLOT),
    },
    {
      provide: OpenUploads,
      inject: [Statements],
      useFactory: (statements: Statements) => new OpenUploads(statements),
    },
    {
      provide: Quotas,
      inject: [Statements],
      useFactory: (statements: Statements) => new Quotas(statements),
    },
    { provide: AccessTimes, inject: [Statements, Clock], useFactory: accessTimes },
    {
      provide: Uploads,
      inject: [
        CloudStorages,
        SyncSettingsStore,
        Quotas,
        FileRecords,
        ObjectWriter,
        UploadSlots,
        TransferMetrics,
      ],
      useFactory: uploads,
    },
    {
      provide: OwnUrl,
      inject: [Config, HttpAdapterHost],
      useFactory: (config: Config, host: HttpAdapterHost) => new OwnUrl(config, host),
    },
    {
      provide: FileCopies,
      inject: [
        CloudStorages,
        SyncSettingsStore,
        Quotas,
        FileRecords,
        ObjectWriter,
        UploadSlots,
        TransferMetrics,
        DataSource,
      ],
      useFactory: fileCopies,
    },
    { provide: ObjectWriter, inject: [FileRecords], useFactory: objectWriter },
    {
      provide: DownloadUrls,
      inject: [FileReads, AccessTimes, CloudStorages, OwnUrl],
      useFactory: downloadUrls,
    },
    { provide: LocalObjects, inject: [LocalDiskSigning, CONNECT_CONTEXT], useFactory: localObjects },
    {
      provide: ContentSender,
      inject: [FileReads, AccessTimes, CloudStorages, TransferMetrics],
      useFactory: contentSender,
    },
    {
      provide: ZipDownloads,
      inject: [DataSource, AccessTimes, CloudStorages, TransferMetrics],
      useFactory: zipDownloads,
    },
  ],
  exports: [
    ContentSender,
    FileReads,
    FileRecords,
    FileTrash,
    OpenUploads,
    OwnUrl,
    Quotas,
    TransferMetrics,
    UploadSlots,
    Uploads,
    VersionTrimming,
  ],
})
export class FilesModule implements OnModuleDestroy {
  constructor(@Inject(AccessTimes) private readonly accessTimes: AccessTimes) {}

  async onModuleDestroy(): Promise<void> {
    await this.accessTimes.settled();
  }
}

function accessTimes(statements: Statements, clock: Clock): AccessTimes {
  return new AccessTimes(
    statements,
    () => clock.now(),
    (error) => logger.warn('access times were lost', error),
  );
}

/** One for all, because what uploads hold in memory is bounded for all together. */
function objectWriter(records: FileRecords): ObjectWriter {
  const memory = { smallBuffers: new ByteBudget(SMALL_BUFFERS_BYTES), partBuffers: new PartBuffers() };
  return new ObjectWriter(memory, records);
}

function fileCopies(
  storages: CloudStorages,
  settings: SyncSettingsStore,
  quotas: Quotas,
  records: FileRecords,
  writer: ObjectWriter,
  slots: UploadSlots,
  metrics: TransferMetrics,
  database: DataSource,
): FileCopies {
  return new FileCopies({
    database,
    activeBucketOf: (userId) => storages.active(userId),
    bucketOf: (userId, configId) => storages.byConfigId(userId, configId),
    maxFileSizeOf: (userId) => settings.maxFileSize(userId),
    quotas,
    records,
    writer,
    copier: new ObjectCopier(records),
    slots,
    countBytes: (bytes) => metrics.uploaded(bytes),
  });
}

function uploads(
  storages: CloudStorages,
  settings: SyncSettingsStore,
  quotas: Quotas,
  records: FileRecords,
  writer: ObjectWriter,
  slots: UploadSlots,
  metrics: TransferMetrics,
): Uploads {
  return new Uploads({
    bucketOf: (userId) => storages.active(userId),
    maxFileSizeOf: (userId) => settings.maxFileSize(userId),
    quotas,
    records,
    writer,
    slots,
    countBytes: (bytes) => metrics.uploaded(bytes),
  });
}

function downloadUrls(
  reads: FileReads,
  times: AccessTimes,
  storages: CloudStorages,
  own: OwnUrl,
): DownloadUrls {
  return new DownloadUrls({
    reads,
    accessTimes: times,
    bucketOf: (userId, configId) => storages.byConfigId(userId, configId),
    contentUrl: (fileId) => own.of(`/api/v1/files/${fileId}/content`),
  });
}

function contentSender(
  reads: FileReads,
  times: AccessTimes,
  storages: CloudStorages,
  metrics: TransferMetrics,
): ContentSender {
  return new ContentSender({
    reads,
    accessTimes: times,
    bucketOf: (userId, configId) => storages.byConfigId(userId, configId),
    countBytes: (bytes) => metrics.downloaded(bytes),
  });
}

function zipDownloads(
  database: DataSource,
  times: AccessTimes,
  storages: CloudStorages,
  metrics: TransferMetrics,
): ZipDownloads {
  return new ZipDownloads({
    database,
    accessTimes: times,
    bucketOf: (userId, configId) => storages.byConfigId(userId, configId),
    countBytes: (bytes) => metrics.downloaded(bytes),
  });
}

function localObjects({ urls }: LocalDiskSigning, context: ConnectContext): LocalObjects {
  return new LocalObjects({
    signer: urls,
    openBucket: ({ bucketPath, tenant }) => openLocalBucket(bucketPath, { ...context, tenant }),
  });
}
