import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { JobQueue } from '../jobs/job-queue.service.js';
import { DeliveryQueue } from './delivery-queue.service.js';

export const UPKEEP_TASK = 'webhook.upkeep';
const EVERY_SECONDS = 600;
/** Deliveries that ended are shown for so long. */
const KEPT_DAYS = 30;
/** A delivery whose attempt is so late has lost its job. */
const OVERDUE_SECONDS = 1_800;
/** In one run; the rest waits for the next. */
const MAX_ROWS = 10_000;

/** Forgets old deliveries, and brings back those whose job was lost. */
@Injectable()
export class WebhookUpkeep implements OnModuleInit {
  private readonly log = new Logger(WebhookUpkeep.name);

  constructor(
    private readonly database: DataSource,
    private readonly jobs: JobQueue,
    private readonly queue: DeliveryQueue,
  ) {}

  onModuleInit(): void {
    this.jobs.handle(UPKEEP_TASK, () => this.run());
    this.jobs.schedule(UPKEEP_TASK, { everySeconds: EVERY_SECONDS });
  }

  /** Safe to run in many processes at once. */
  private async run(): Promise<void> {
    await this.database.query(PRUNE, [KEPT_DAYS, MAX_ROWS]);
    const lost = await this.database.query<LostDelivery[]>(LOST, [OVERDUE_SECONDS, MAX_ROWS]);
    for (const delivery of lost) await this.queue.add(this.database.manager, delivery);
    if (lost.length > 0)
      this.log.warn(`${lost.length} deliveries had lost their jobs; they are tried again.`);
  }
}

interface LostDelivery {
  readonly id: string;
  readonly webhookId: string;
  readonly attempts: number;
}

const PRUNE = `
  DELETE FROM webhook_deliveries WHERE id IN (
    SELECT id FROM webhook_deliveries
    WHERE state <> 'pending' AND created_at < now() - make_interval(days => $1)
    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
  )`;

const LOST = `
  SELECT id, webhook_id AS "webhookId", attempts FROM webhook_deliveries
  WHERE state = 'pending' AND next_attempt_at < now() - make_interval(secs => $1)
  ORDER BY next_attempt_at LIMIT $2`;
