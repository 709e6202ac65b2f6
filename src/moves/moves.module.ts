import { Module } from '@nestjs/common';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { Statements } from '../database/statements.js';
import { EpochModule } from '../files/epoch/epoch.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { UsageModule } from '../usage/usage.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { HouseCleaning } from './house-cleaning.service.js';
import { HouseSwitch } from './house-switch.service.js';
import { MoveRows } from './move-rows.js';
import { MoveRunner } from './move-runner.service.js';
import { MoveViews } from './move-view.service.js';
import { MovesController } from './moves.controller.js';
import { Moves } from './moves.service.js';

/** Takes all files of a user into another bucket. */
@Module({
  imports: [CredentialsModule, EpochModule, JobsModule, UsageModule, WebhooksModule],
  controllers: [MovesController],
  providers: [
    {
      provide: MoveRows,
      inject: [Statements],
      useFactory: (statements: Statements) => new MoveRows(statements),
    },
    HouseCleaning,
    HouseSwitch,
    MoveRunner,
    MoveViews,
    Moves,
  ],
})
export class MovesModule {}
