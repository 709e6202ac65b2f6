import { Module } from '@nestjs/common';
import { CredentialsModule } from '../../credentials/credentials.module.js';
import { JobsModule } from '../../jobs/jobs.module.js';
import { FileVerificationController } from './file-verification.controller.js';
import { FileVerification } from './file-verification.service.js';

/** Proves that what lies in the bucket is what was uploaded. */
@Module({
  imports: [CredentialsModule, JobsModule],
  controllers: [FileVerificationController],
  providers: [FileVerification],
})
export class VerificationModule {}
