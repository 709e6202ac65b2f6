import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../config/clock.js';
import { notFound } from '../errors/request-errors.js';
import { DeliveryQueue } from './delivery-queue.service.js';
import { RegisteredWebhooks } from './registered-webhooks.service.js';
import { messageBody, newMessageId } from './signed-message.js';
import { type DeliveryState, WebhookDelivery } from './webhook-delivery.entity.js';
import { webhookDisabled } from './webhook-errors.js';

export interface DeliveryPage {
  /** The last one that was shown. */
  readonly afterId?: string;
  readonly state?: DeliveryState;
  readonly limit: number;
}

/** The delivery log of a user's webhooks, and what users send by hand. */
@Injectable()
export class WebhookDeliveries {
  constructor(
    private readonly database: DataSource,
    private readonly webhooks: RegisteredWebhooks,
    private readonly queue: DeliveryQueue,
    private readonly clock: Clock,
  ) {}

  /** The newest first. @throws RequestError `not_found` */
  async list(userId: number, webhookId: string, page: DeliveryPage): Promise<WebhookDelivery[]> {
    await this.webhooks.get(userId, webhookId);
    const query = this.database.manager
      .createQueryBuilder(WebhookDelivery, 'delivery')
      .where('delivery.webhookId = :webhookId', { webhookId })
      .orderBy('delivery.createdAt', 'DESC')
      .addOrderBy('delivery.id', 'DESC')
      .limit(page.limit);
    if (page.state !== undefined) query.andWhere('delivery.state = :state', { state: page.state });
    if (page.afterId !== undefined) {
      const last =
        '(SELECT created_at, id FROM webhook_deliveries WHERE id = :afterId AND webhook_id = :webhookId)';
      query.andWhere(`(delivery.createdAt, delivery.id) < ${last}`, { afterId: page.afterId });
    }
    return query.getMany();
  }

  /** @throws RequestError `not_found` */
  async get(userId: number, webhookId: string, id: string): Promise<WebhookDelivery> {
    await this.webhooks.get(userId, webhookId);
    const delivery = await this.database.manager.findOneBy(WebhookDelivery, { id, webhookId });
    if (delivery === null) throw notFound('delivery');
    return delivery;
  }

  /** Sends a `webhook.test` to this webhook alone, once. @throws RequestError `not_found`; WebhookError `webhook_disabled` */
  async test(userId: number, webhookId: string): Promise<WebhookDelivery> {
    await this.assertEnabled(userId, webhookId);
    const at = new Date(this.clock.now());
    return this.database.transaction(async (manager) => {
      const delivery = await manager.save(
        manager.create(WebhookDelivery, {
          webhookId,
          messageId: newMessageId(),
          eventType: 'webhook.test',
          body: messageBody('webhook.test', at, { webhook_id: webhookId }),
          pendingSince: at,
          createdAt: at,
        }),
      );
      return this.sendNow(manager, delivery, at);
    });
  }

  /**
   * Sends the same message once more, under its `webhook-id`, with all its attempts; one that waits is sent at once.
   * @throws RequestError `not_found`; WebhookError `webhook_disabled`
   */
  async resend(userId: number, webhookId: string, id: string): Promise<WebhookDelivery> {
    await this.assertEnabled(userId, webhookId);
    const at = new Date(this.clock.now());
    return this.database.transaction(async (manager) => {
      const lock = { mode: 'pessimistic_write' } as const;
      const delivery = await manager.findOne(WebhookDelivery, { where: { id, webhookId }, lock });
      if (delivery === null) throw notFound('delivery');
      if (delivery.state !== 'pending')
        Object.assign(delivery, { state: 'pending', attempts: 0, pendingSince: at });
      return this.sendNow(manager, delivery, at);
    });
  }

  /** Whoever asks wants to see an attempt, although nobody answered lately. */
  private async sendNow(
    manager: EntityManager,
    delivery: WebhookDelivery,
    at: Date,
  ): Promise<WebhookDelivery> {
    await this.webhooks.expectReachable(manager, delivery.webhookId);
    await this.queue.add(manager, delivery);
    return manager.save(WebhookDelivery, Object.assign(delivery, { nextAttemptAt: at }));
  }

  private async assertEnabled(userId: number, webhookId: string): Promise<void> {
    const { enabled } = await this.webhooks.get(userId, webhookId);
    if (!enabled) throw webhookDisabled();
  }
}
