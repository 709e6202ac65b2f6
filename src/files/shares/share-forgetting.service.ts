import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../config/clock.js';
import { Statements } from '../../database/statements.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { ENDED_SHARE_DAYS, RESUMABLE_MS } from './share-limits.js';

const TASK = 'share.forget-ended';
const EVERY_SECONDS = 86_400;
const DAY_MS = 86_400_000;

const FORGET_DOWNLOADS = {
  name: 'shares_forget_downloads',
  text: 'DELETE FROM share_downloads WHERE begun_at <= $1',
};
const FORGET_ENDED = {
  name: 'shares_forget_ended',
  text: 'DELETE FROM share_links WHERE LEAST(revoked_at, expires_at) <= $1',
};

/** Once a day: downloads that cannot be resumed any more, and shares that ended long ago. The audit log keeps them. */
@Injectable()
export class ShareForgetting implements OnModuleInit {
  constructor(
    private readonly statements: Statements,
    private readonly queue: JobQueue,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.queue.handle(TASK, () => this.forget());
    this.queue.schedule(TASK, { everySeconds: EVERY_SECONDS });
  }

  async forget(): Promise<void> {
    const nowMs = this.clock.now();
    await this.statements.query(FORGET_DOWNLOADS, [new Date(nowMs - RESUMABLE_MS)]);
    await this.statements.query(FORGET_ENDED, [new Date(nowMs - ENDED_SHARE_DAYS * DAY_MS)]);
  }
}
