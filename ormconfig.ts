import 'reflect-metadata';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { authEntities } from './src/auth/auth.entities.js';
import { EnrolmentToken } from './src/agents/enrolment-token.entity.js';
import { CloudConfig } from './src/credentials/cloud-config.entity.js';
import { DataKey } from './src/credentials/data-key.entity.js';
import { Installation } from './src/credentials/installation.entity.js';
import { migrations } from './src/database/migrations/index.js';
import { filesEntities } from './src/files/files.entities.js';
import { IdempotencyKey } from './src/http/idempotency-key.entity.js';
import { RateLimit } from './src/http/rate-limit.entity.js';
import { Job } from './src/jobs/job.entity.js';
import { JobWorker } from './src/jobs/job-worker.entity.js';
import { localFilesEntities } from './src/local-files/local-files.entities.js';
import { movesEntities } from './src/moves/moves.entities.js';
import { repositoryEntities } from './src/repositories/repositories.entities.js';
import { LocalFile } from './src/sync-settings/local-file.entity.js';
import { SyncSettings } from './src/sync-settings/sync-settings.entity.js';
import { usageEntities } from './src/usage/usage.entities.js';
import { WebhookDelivery } from './src/webhooks/webhook-delivery.entity.js';
import { Webhook } from './src/webhooks/webhook.entity.js';

/** One data source for the app, the TypeORM command line and the tests. */
export function dataSourceOptions(url: string, poolSize: number): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    poolSize,
    entities: [
      ...authEntities,
      ...filesEntities,
      ...localFilesEntities,
      ...movesEntities,
      ...repositoryEntities,
      ...usageEntities,
      CloudConfig,
      DataKey,
      EnrolmentToken,
      IdempotencyKey,
      Installation,
      Job,
      JobWorker,
      LocalFile,
      RateLimit,
      SyncSettings,
      Webhook,
      WebhookDelivery,
    ],
    migrations,
    migrationsRun: false,
    synchronize: false,
    // gen_random_uuid() is PostgreSQL's own since 13: no extension, which only a superuser could install.
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    // The seeds' columns are TIMESTAMP without time zone: every session writes and reads them as UTC.
    extra: { options: '-c timezone=UTC -c jit=off', application_name: 'stowage' },
  };
}

export default new DataSource(dataSourceOptions(process.env.DATABASE_URL ?? '', 2));
