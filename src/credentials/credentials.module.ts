import { Module } from '@nestjs/common';
import { StorageProvidersModule } from '../storage-providers/storage-providers.module.js';
import { CandidateSettings } from './candidate-settings.service.js';
import { CloudConfigs } from './cloud-configs.service.js';
import { CloudSettingsController } from './cloud-settings.controller.js';
import { CloudSettings } from './cloud-settings.service.js';
import { CloudStorages } from './cloud-storages.service.js';
import { ConfigureController } from './configure.controller.js';
import { ConnectionContexts } from './connection-contexts.service.js';
import { ConnectionTests } from './connection-tests.service.js';
import { LocalDiskSigning } from './local-disk-signing.service.js';
import { ProvidersController } from './providers.controller.js';
import { DataKeys } from './sealing/data-keys.service.js';
import { SealedSecrets } from './sealing/sealed-secrets.service.js';
import { SealedTexts } from './sealing/sealed-texts.service.js';
import { Sealing } from './sealing/sealing.service.js';
import { StorageCalls } from './storage-calls.service.js';
import { StorageMeter } from './storage-meter.service.js';
import { SupersededCredentials } from './superseded-credentials.service.js';

/** Users' sealed settings, and their buckets opened with them. Needs SnapshotsModule for the statistics. */
@Module({
  imports: [StorageProvidersModule],
  controllers: [CloudSettingsController, ProvidersController, ConfigureController],
  providers: [
    Sealing,
    DataKeys,
    SealedSecrets,
    SealedTexts,
    CloudConfigs,
    CloudStorages,
    CloudSettings,
    CandidateSettings,
    ConnectionContexts,
    ConnectionTests,
    LocalDiskSigning,
    StorageCalls,
    StorageMeter,
    SupersededCredentials,
  ],
  exports: [CloudConfigs, CloudSettings, CloudStorages, LocalDiskSigning, SealedTexts, Sealing, StorageMeter],
})
export class CredentialsModule {}
