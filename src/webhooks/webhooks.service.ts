import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Clock } from '../config/clock.js';
import { DeliveryQueue } from './delivery-queue.service.js';
import type { WebhookEvent } from './event-types.js';
import { messageBody, newMessageId } from './signed-message.js';

/** Deliveries of one webhook that wait; what is emitted beyond is noted as failed and not sent. */
export const MAX_PENDING_DELIVERIES = 1_000;

/** Tells users' programs what happened. */
@Injectable()
export class Webhooks {
  constructor(
    private readonly clock: Clock,
    private readonly queue: DeliveryQueue,
  ) {}

  /**
   * Sends an event to all webhooks of its user that want to hear of it, once the manager's transaction is committed;
   * when that is rolled back nothing happened and nobody is told. Nothing is sent meanwhile.
   */
  async emit(manager: EntityManager, { userId, type, data }: WebhookEvent): Promise<void> {
    const at = new Date(this.clock.now());
    const rows = await manager.query<InsertedDelivery[]>(INSERT_FOR_ALL, [
      userId,
      type,
      newMessageId(),
      messageBody(type, at, data),
      at,
      MAX_PENDING_DELIVERIES,
      TOO_MANY_PENDING,
    ]);
    for (const { id, webhookId, state } of rows) {
      if (state === 'pending') await this.queue.add(manager, { id, webhookId, attempts: 0 });
    }
  }
}

interface InsertedDelivery {
  readonly id: string;
  readonly webhookId: string;
  readonly state: string;
}

const TOO_MANY_PENDING = `Not sent: ${MAX_PENDING_DELIVERIES} earlier events were still waiting to be delivered.`;

const INSERT_FOR_ALL = `
  INSERT INTO webhook_deliveries
      (webhook_id, message_id, event_type, body, state, last_error, next_attempt_at, pending_since, created_at)
  SELECT w.id, $3, $2::text, $4,
      CASE WHEN waiting.is_full THEN 'failed' ELSE 'pending' END,
      CASE WHEN waiting.is_full THEN $7 END,
      CASE WHEN NOT waiting.is_full THEN $5::timestamptz END,
      $5, $5
    FROM webhooks w
    CROSS JOIN LATERAL (
      SELECT count(*) >= $6 AS is_full FROM (
        SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending' LIMIT $6
      ) pending
    ) waiting
    WHERE w.user_id = $1 AND w.enabled
      AND (w.event_types = '[]'::jsonb OR w.event_types @> to_jsonb($2::text))
  RETURNING id, webhook_id AS "webhookId", state`;
