import { Module } from '@nestjs/common';
import { CredentialsModule } from '../../credentials/credentials.module.js';
import { JobsModule } from '../../jobs/jobs.module.js';
import { WebhooksModule } from '../../webhooks/webhooks.module.js';
import { EpochModule } from '../epoch/epoch.module.js';
import { Reconciliations } from './reconciliations.service.js';
import { SweepRows } from './sweep-rows.service.js';
import { SweepRuns } from './sweep-runs.service.js';
import { SweepsController } from './sweeps.controller.js';
import { Sweeps } from './sweeps.service.js';

/** Looks through buckets: what uploads left behind goes, what is missing is told. */
@Module({
  imports: [CredentialsModule, EpochModule, JobsModule, WebhooksModule],
  controllers: [SweepsController],
  providers: [Sweeps, SweepRows, SweepRuns, Reconciliations],
})
export class SweepsModule {}
