import { Module } from '@nestjs/common';
import { Webhooks } from './webhooks.service.js';

/** Tells users’ programs what happened. */
@Module({
  providers: [Webhooks],
  exports: [Webhooks],
})
export class WebhooksModule {}
