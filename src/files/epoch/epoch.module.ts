import { Module } from '@nestjs/common';
import { Clock } from '../../config/clock.js';
import { CredentialsModule } from '../../credentials/credentials.module.js';
import { Sealing } from '../../credentials/sealing/sealing.service.js';
import { Statements } from '../../database/statements.js';
import { JobsModule } from '../../jobs/jobs.module.js';
import { BucketEpochs } from './bucket-epochs.js';
import { databaseIdentity } from './database-identity.js';
import { EpochRows } from './epoch-rows.js';
import { EpochUpkeep } from './epoch-upkeep.service.js';

/** Knows whether the database is as new as the buckets. */
@Module({
  imports: [CredentialsModule, JobsModule],
  providers: [
    EpochUpkeep,
    {
      provide: BucketEpochs,
      inject: [Statements, Sealing, Clock],
      useFactory: (statements: Statements, sealing: Sealing, clock: Clock) =>
        new BucketEpochs({
          rows: new EpochRows(statements),
          installationId: () => sealing.opened().installationId,
          databaseId: () => databaseIdentity(statements),
          now: () => clock.now(),
        }),
    },
  ],
  exports: [BucketEpochs],
})
export class EpochModule {}
