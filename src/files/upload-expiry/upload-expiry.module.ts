import { Module } from '@nestjs/common';
import { CredentialsModule } from '../../credentials/credentials.module.js';
import { JobsModule } from '../../jobs/jobs.module.js';
import { DirectUploadsModule } from '../direct-uploads/direct-uploads.module.js';
import { EpochModule } from '../epoch/epoch.module.js';
import { TusModule } from '../tus/tus.module.js';
import { UploadExpiry } from './upload-expiry.service.js';

/** The end of uploads that nobody goes on with. */
@Module({
  imports: [CredentialsModule, DirectUploadsModule, EpochModule, JobsModule, TusModule],
  providers: [UploadExpiry],
})
export class UploadExpiryModule {}
