import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { FINISHED_AT_ONCE } from './direct-limits.js';
import { UploadCompletion } from './upload-completion.js';

const FINISH = 'uploads.finish';
const EVERY_SECONDS = 60;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Takes direct uploads to their end whose completion died with its process. */
@Injectable()
export class CompletionRecovery implements OnModuleInit {
  private readonly log = new Logger(CompletionRecovery.name);

  constructor(
    private readonly queue: JobQueue,
    private readonly completion: UploadCompletion,
  ) {}

  onModuleInit(): void {
    this.queue.handle(FINISH, (_payload, { signal }) => this.run(signal));
    this.queue.schedule(FINISH, { everySeconds: EVERY_SECONDS });
  }

  async run(signal: AbortSignal): Promise<void> {
    let id: string | undefined = FIRST_ID;
    for (let count = 0; count < FINISHED_AT_ONCE && id !== undefined && !signal.aborted; count += 1) {
      id = await this.completion.finishOne(id, (uploadId, error) =>
        this.log.warn(`the upload ${uploadId} could not be completed yet`, error),
      );
    }
  }
}
