import { Logger, Module } from '@nestjs/common';
import { Clock } from '../../config/clock.js';
import { Statements } from '../../database/statements.js';
import { JobsModule } from '../../jobs/jobs.module.js';
import { ContentSender } from '../content-sender.js';
import { FileReads } from '../file-reads.js';
import { FilesModule } from '../files.module.js';
import { OpenShares } from './open-shares.js';
import { ShareForgetting } from './share-forgetting.service.js';
import { SharedContentController } from './shared-content.controller.js';
import { SharedContent } from './shared-content.js';
import { SharesController } from './shares.controller.js';
import { Shares } from './shares.service.js';

const logger = new Logger('Shares');

/** Links by which others download a file, until they are taken back. */
@Module({
  imports: [FilesModule, JobsModule],
  controllers: [SharesController, SharedContentController],
  providers: [
    Shares,
    ShareForgetting,
    {
      provide: OpenShares,
      inject: [Statements, Clock],
      useFactory: (statements: Statements, clock: Clock) => new OpenShares(statements, () => clock.now()),
    },
    {
      provide: SharedContent,
      inject: [OpenShares, FileReads, ContentSender],
      useFactory: (shares: OpenShares, reads: FileReads, sender: ContentSender) =>
        new SharedContent({
          shares,
          reads,
          sender,
          onFailure: (shareId, error) =>
            logger.warn(`the file of share ${shareId} could not be given out`, error),
        }),
    },
  ],
})
export class SharesModule {}
