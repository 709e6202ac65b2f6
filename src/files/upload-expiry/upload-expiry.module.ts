import { Module } from '@nestjs/common';
import { JobsModule } from '../../jobs/jobs.module.js';
import { DirectUploadsModule } from '../direct-uploads/direct-uploads.module.js';
import { TusModule } from '../tus/tus.module.js';
import { UploadExpiry } from './upload-expiry.service.js';

/** The end of uploads that nobody goes on with. */
@Module({
  imports: [DirectUploadsModule, JobsModule, TusModule],
  providers: [UploadExpiry],
})
export class UploadExpiryModule {}
