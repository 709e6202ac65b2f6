import { Module } from '@nestjs/common';

/** Tells users’ programs what happened. */
@Module({})
export class WebhooksModule {}
