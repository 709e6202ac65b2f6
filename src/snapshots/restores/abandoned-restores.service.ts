import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { RestoreSteps } from '../../repositories/restore-steps.service.js';
import { OFFLINE_AFTER_MS } from '../workspaces/judge-health.js';

const TASK = 'restores.end_abandoned';
const LOOK_EVERY_SECONDS = 30;

/** A restore that somebody cancelled ends even when its host is gone: nobody would say so otherwise. */
@Injectable()
export class AbandonedRestores implements OnModuleInit {
  private readonly log = new Logger(AbandonedRestores.name);

  constructor(
    private readonly database: DataSource,
    private readonly steps: RestoreSteps,
    private readonly queue: JobQueue,
  ) {}

  onModuleInit(): void {
    this.queue.handle(TASK, () => this.end());
    this.queue.schedule(TASK, { everySeconds: LOOK_EVERY_SECONDS });
  }

  async end(): Promise<void> {
    const ended = await this.database.transaction((manager) =>
      this.steps.endAbandoned(manager, OFFLINE_AFTER_MS),
    );
    if (ended > 0) this.log.log(`${ended} cancelled restores were ended whose hosts are gone.`);
  }
}
