import { Logger, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../config/clock.js';
import { Config } from '../config/config.js';
import { Statements } from '../database/statements.js';
import { FileRecords } from '../files/file-records.js';
import { FilesModule } from '../files/files.module.js';
import { Uploads } from '../files/uploads.js';
import { SyncSettingsStore } from '../sync-settings/sync-settings-store.js';
import { DEFAULT_SYNC_SETTINGS } from '../sync-settings/sync-settings.js';
import { SyncSettingsModule } from '../sync-settings/sync-settings.module.js';
import { Metrics } from '../telemetry/metrics.js';
import { Webhooks } from '../webhooks/webhooks.service.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { AllowedPaths } from './allowed-paths.js';
import { BucketPauses } from './bucket-pauses.js';
import { Claims } from './claims.js';
import { KnownFiles } from './known-files.js';
import { LocalFileSyncService } from './local-file-sync.service.js';
import { LocalFilesController } from './local-files.controller.js';
import { LocalFiles } from './local-files.service.js';
import { RunningUploads } from './running-uploads.js';
import { SeenFiles } from './seen-files.js';
import { SyncOutcomes } from './sync-outcomes.js';
import { SyncSweep } from './sync-sweep.js';
import { TakenFiles } from './taken-files.js';
import { UnseenFiles } from './unseen-files.js';
import { UploadLocalFile } from './upload-local-file.js';
import { WatchedFolderWork } from './watched-folder-work.js';
import { WatchedFoldersController } from './watched-folders.controller.js';
import { WatchedFolders } from './watched-folders.service.js';

const logger = new Logger('Local files');

/** Files of this host that shall be in the bucket, and how they get there. */
@Module({
  imports: [FilesModule, SyncSettingsModule, WebhooksModule],
  controllers: [LocalFilesController, WatchedFoldersController],
  providers: [
    LocalFileSyncService,
    LocalFiles,
    WatchedFolders,
    {
      provide: AllowedPaths,
      inject: [Config],
      useFactory: ({ env, dataDir }: Config) => new AllowedPaths({ roots: env.LOCAL_FILES_ROOTS, dataDir }),
    },
    {
      provide: BucketPauses,
      inject: [Clock],
      useFactory: (clock: Clock) => new BucketPauses(() => clock.now(), Math.random),
    },
    {
      provide: SeenFiles,
      inject: [Statements],
      useFactory: (statements: Statements) => new SeenFiles(statements),
    },
    {
      provide: SyncSweep,
      inject: [Statements, Config],
      useFactory: (statements: Statements, { env }: Config) =>
        new SyncSweep(statements, env.LOCAL_FILES_SERVER, DEFAULT_SYNC_SETTINGS.maxFileSize),
    },
    {
      provide: UnseenFiles,
      inject: [Statements, AllowedPaths, Config],
      useFactory: (statements: Statements, paths: AllowedPaths, { env }: Config) =>
        new UnseenFiles(statements, paths, env.LOCAL_FILES_SERVER),
    },
    {
      provide: KnownFiles,
      inject: [Statements, AllowedPaths, SeenFiles, Config],
      useFactory: (statements: Statements, paths: AllowedPaths, seen: SeenFiles, { env }: Config) =>
        new KnownFiles(statements, paths, seen, env.LOCAL_FILES_SERVER),
    },
    {
      provide: SyncOutcomes,
      inject: [DataSource, FileRecords, Webhooks],
      useFactory: (database: DataSource, records: FileRecords, webhooks: Webhooks) =>
        new SyncOutcomes(database, records, webhooks, Math.random),
    },
    {
      provide: UploadLocalFile,
      inject: [AllowedPaths, Uploads, SyncSettingsStore, SyncOutcomes, Clock],
      useFactory: uploadLocalFile,
    },
    {
      provide: RunningUploads,
      inject: [Statements, Config, BucketPauses, UploadLocalFile, Clock, Metrics],
      useFactory: runningUploads,
    },
    {
      provide: WatchedFolderWork,
      inject: [DataSource, Statements, AllowedPaths, SeenFiles, Config, Clock],
      useFactory: watchedFolderWork,
    },
  ],
})
export class LocalFilesModule {}

function uploadLocalFile(
  paths: AllowedPaths,
  uploads: Uploads,
  settings: SyncSettingsStore,
  outcomes: SyncOutcomes,
  clock: Clock,
): UploadLocalFile {
  return new UploadLocalFile({
    paths,
    uploads,
    settings,
    outcomes,
    now: () => clock.now(),
    onError: (error) => logger.error('A local file could not be uploaded', error),
  });
}

function runningUploads(
  statements: Statements,
  { env }: Config,
  pauses: BucketPauses,
  upload: UploadLocalFile,
  clock: Clock,
  metrics: Metrics,
): RunningUploads {
  const attempts = metrics.counter('stowage_local_file_attempts_total', 'Attempts to upload local files.', [
    'outcome',
  ]);
  return new RunningUploads({
    claims: new Claims(statements, env.LOCAL_FILES_SERVER),
    pauses,
    upload,
    now: () => clock.now(),
    count: (outcome) => attempts.inc({ outcome }),
    onError: (error) => logger.warn('Local files have to wait for the database', error),
  });
}

function watchedFolderWork(
  database: DataSource,
  statements: Statements,
  paths: AllowedPaths,
  seen: SeenFiles,
  { env }: Config,
  clock: Clock,
): WatchedFolderWork {
  return new WatchedFolderWork({
    database,
    paths,
    files: new TakenFiles(database, statements, seen),
    serverName: env.LOCAL_FILES_SERVER,
    now: () => clock.now(),
    onError: (error) => logger.warn('A watched folder could not be looked at', error),
  });
}
