import { Injectable, type OnModuleInit } from '@nestjs/common';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { FileTrash } from '../file-trash.service.js';
import { Retention } from './retention.service.js';

const RETAIN = 'files.retain';
const LOOK_FOR_DUE = 'files.retention_due';
/** After a change of the setting, or a confirmation, it takes no longer until files go. */
const LOOK_EVERY_SECONDS = 300;
const MAX_DUE = 500;

const PURGE_TRASH = 'files.purge_trash';
const PURGE_EVERY_SECONDS = 600;
/** In one turn; the next goes on. */
const MAX_PURGED = 20_000;

/** Has everybody's retention done once a day, and after changes. */
@Injectable()
export class RetentionTasks implements OnModuleInit {
  constructor(
    private readonly queue: JobQueue,
    private readonly retention: Retention,
    private readonly trash: FileTrash,
  ) {}

  onModuleInit(): void {
    this.queue.handle(LOOK_FOR_DUE, () => this.enqueueDue());
    this.queue.schedule(LOOK_FOR_DUE, { everySeconds: LOOK_EVERY_SECONDS });
    this.queue.handle<RetainPayload>(
      RETAIN,
      async ({ user_id: userId }, { signal }) => {
        await this.retention.run(userId, signal);
      },
      { lane: 'long' },
    );
    this.queue.handle(
      PURGE_TRASH,
      // What has been in the trash for its user's `trash_days` goes for good.
      async (_, { signal }) => void (await this.trash.purgeDue(MAX_PURGED, signal)),
      { lane: 'long' },
    );
    this.queue.schedule(PURGE_TRASH, { everySeconds: PURGE_EVERY_SECONDS });
  }

  async enqueueDue(): Promise<void> {
    for (const userId of await this.retention.takeDue(MAX_DUE)) {
      const payload: RetainPayload = { user_id: userId };
      await this.queue.enqueue(RETAIN, payload, { jobKey: `${RETAIN}:${userId}` });
    }
  }
}

type RetainPayload = { readonly user_id: number };
