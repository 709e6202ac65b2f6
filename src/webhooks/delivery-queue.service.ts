import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { JobQueue } from '../jobs/job-queue.service.js';

export const DELIVER_TASK = 'webhook.deliver';

/** Attempts wait in as many queues, so that slow receivers never hold all workers. */
const QUEUES = 4;

/** Which attempt a job is: one that was made meanwhile is not made again. */
export interface DeliveryJob extends Readonly<Record<string, string | number>> {
  readonly delivery_id: string;
  /** Attempts before this one. */
  readonly attempts: number;
}

/** Attempts at deliveries as durable jobs, one job for each delivery at a time. */
@Injectable()
export class DeliveryQueue {
  constructor(private readonly jobs: JobQueue) {}

  /** Takes the place of the attempt that the delivery waits for. @param runAt at once when absent */
  async add(
    manager: EntityManager,
    delivery: { readonly id: string; readonly webhookId: string; readonly attempts: number },
    runAt?: Date,
  ): Promise<void> {
    const payload: DeliveryJob = { delivery_id: delivery.id, attempts: delivery.attempts };
    await this.jobs.enqueue(DELIVER_TASK, payload, {
      manager,
      runAt,
      jobKey: `webhook-delivery:${delivery.id}`,
      queueName: queueOf(delivery.webhookId),
    });
  }
}

function queueOf(webhookId: string): string {
  return `webhooks-${Number.parseInt(webhookId.slice(0, 4), 16) % QUEUES}`;
}
