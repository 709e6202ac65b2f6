import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';
import { DataSource, type EntityManager, IsNull, Not } from 'typeorm';
import { Metrics } from '../telemetry/metrics.js';
import type { AttemptOutcome, NextStep } from './delivery-plan.js';
import { DeliveryQueue } from './delivery-queue.service.js';
import { WebhookDelivery } from './webhook-delivery.entity.js';
import { Webhook } from './webhook.entity.js';

/** Notes how attempts ended. A delivery that others moved on meanwhile stays as they left it. */
@Injectable()
export class DeliveryRecords {
  private readonly ended: Counter<'outcome'>;

  constructor(
    private readonly database: DataSource,
    private readonly queue: DeliveryQueue,
    metrics: Metrics,
  ) {
    this.ended = metrics.counter(
      'stowage_webhook_attempts_total',
      'Attempts to deliver an event to a webhook.',
      ['outcome'],
    );
  }

  /** The outcome of an attempt and the next one, or neither. */
  async note(delivery: WebhookDelivery, outcome: AttemptOutcome, step: NextStep, now: Date): Promise<void> {
    const nextAttemptAt = step.state === 'pending' ? later(now, step.waitMs) : null;
    const isNoted = await this.database.transaction(async (manager) => {
      const attempts = delivery.attempts + 1;
      const moved = await move(manager, delivery, {
        state: step.state,
        attempts,
        lastStatus: outcome.kind === 'answered' ? outcome.status : null,
        lastError: step.state === 'delivered' ? null : step.error,
        lastAttemptAt: now,
        nextAttemptAt,
      });
      if (!moved) return false;
      if (nextAttemptAt !== null) await this.queue.add(manager, { ...delivery, attempts }, nextAttemptAt);
      await noteReceiver(manager, delivery.webhookId, step, now);
      return true;
    });
    if (isNoted) this.ended.inc({ outcome: step.state === 'pending' ? 'retried' : step.state });
  }

  /** No attempt was made, and none will be. */
  async giveUp(delivery: WebhookDelivery, error: string): Promise<void> {
    const change = { state: 'failed', lastError: error, nextAttemptAt: null } as const;
    if (await move(this.database.manager, delivery, change)) this.ended.inc({ outcome: 'failed' });
  }

  /** No attempt was made; it will be. */
  async postpone(delivery: WebhookDelivery, nextAttemptAt: Date): Promise<void> {
    await this.database.transaction(async (manager) => {
      if (!(await move(manager, delivery, { nextAttemptAt }))) return;
      await this.queue.add(manager, delivery, nextAttemptAt);
    });
  }
}

async function move(
  manager: EntityManager,
  { id, attempts }: WebhookDelivery,
  change: Partial<WebhookDelivery>,
): Promise<boolean> {
  const { affected } = await manager.update(WebhookDelivery, { id, attempts, state: 'pending' }, change);
  return affected === 1;
}

async function noteReceiver(manager: EntityManager, id: string, step: NextStep, now: Date): Promise<void> {
  if (step.state === 'failed' && step.isGone) {
    const change = { enabled: false, disabledReason: step.error, version: () => 'version + 1' };
    await manager.update(Webhook, { id, enabled: true }, change);
  }
  if (step.state !== 'delivered' && step.pauseMs > 0) {
    await manager.update(Webhook, { id }, { unreachableUntil: later(now, step.pauseMs) });
  } else {
    await manager.update(Webhook, { id, unreachableUntil: Not(IsNull()) }, { unreachableUntil: null });
  }
}

function later(now: Date, ms: number): Date {
  return new Date(now.getTime() + ms);
}
