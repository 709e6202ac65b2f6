import { Module } from '@nestjs/common';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { StorageProvidersModule } from '../storage-providers/storage-providers.module.js';
import { DeliveryAttempts } from './delivery-attempts.service.js';
import { DeliveryQueue } from './delivery-queue.service.js';
import { DeliveryRecords } from './delivery-records.service.js';
import { RegisteredWebhooks } from './registered-webhooks.service.js';
import { WebhookDeliveriesController } from './webhook-deliveries.controller.js';
import { WebhookDeliveries } from './webhook-deliveries.service.js';
import { WebhookSecrets } from './webhook-secrets.service.js';
import { WebhookUpkeep } from './webhook-upkeep.service.js';
import { WebhooksController } from './webhooks.controller.js';
import { Webhooks } from './webhooks.service.js';

/** Tells users’ programs what happened. */
@Module({
  imports: [CredentialsModule, JobsModule, StorageProvidersModule],
  controllers: [WebhooksController, WebhookDeliveriesController],
  providers: [
    Webhooks,
    RegisteredWebhooks,
    WebhookDeliveries,
    WebhookSecrets,
    DeliveryQueue,
    DeliveryRecords,
    DeliveryAttempts,
    WebhookUpkeep,
  ],
  exports: [Webhooks],
})
export class WebhooksModule {}
