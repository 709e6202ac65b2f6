import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull, Not } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../auth/audit-log.service.js';
import { User } from '../auth/user.entity.js';
import { Clock } from '../config/clock.js';
import { notFound, validationFailed } from '../errors/request-errors.js';
import { assertIfMatch, etagOf } from '../rest/etag.js';
import { isStorageError } from '../storage-providers/storage-errors.js';
import type { ConnectContext } from '../storage-providers/storage-provider.js';
import { CONNECT_CONTEXT } from '../storage-providers/storage-providers.module.js';
import type { ChosenEventType } from './event-types.js';
import { newSecret } from './signed-message.js';
import { MAX_WEBHOOKS, tooManyWebhooks } from './webhook-errors.js';
import { WebhookSecrets } from './webhook-secrets.service.js';
import { Webhook } from './webhook.entity.js';

/** Who registers it, and from where. */
export interface Registrar {
  readonly userId: number;
  readonly origin: AuditOrigin;
}

export interface WebhookValues {
  readonly url: string;
  /** Empty: all of them. */
  readonly eventTypes: readonly ChosenEventType[];
  readonly enabled: boolean;
}

/** A webhook and its secret; nobody will see the secret again. */
export interface WebhookWithSecret {
  readonly webhook: Webhook;
  readonly secret: string;
}

/** So long the secret before the newest also signs. */
export const PREVIOUS_SECRET_HOURS = 24;

/** Where users want to hear of events. All of it is the user's own: a foreign id is like an absent one. */
@Injectable()
export class RegisteredWebhooks {
  constructor(
    private readonly database: DataSource,
    private readonly secrets: WebhookSecrets,
    private readonly audit: AuditLog,
    @Inject(CONNECT_CONTEXT) private readonly context: ConnectContext,
    private readonly clock: Clock,
  ) {}

  /** @throws RequestError `validation_failed`; WebhookError `too_many_webhooks`; CredentialsError `sealed` */
  async create({ userId, origin }: Registrar, values: WebhookValues): Promise<WebhookWithSecret> {
    this.assertUrl(values.url);
    const secret = newSecret();
    const webhook = await this.database.transaction(async (manager) => {
      // Locked, so that two at once cannot both be the last that is allowed.
      await manager.findOne(User, { where: { id: userId }, lock: { mode: 'pessimistic_write' } });
      if ((await manager.countBy(Webhook, { userId })) >= MAX_WEBHOOKS) throw tooManyWebhooks();
      const owner = { id: randomUUID(), userId };
      const sealedSecret = await this.secrets.seal(manager, owner, 'sealed_secret', secret);
      const createdAt = new Date(this.clock.now());
      const eventTypes = [...values.eventTypes];
      await manager.insert(Webhook, { ...owner, ...values, eventTypes, sealedSecret, createdAt });
      await this.record(manager, origin, 'webhook.created', owner.id, { host: new URL(values.url).host });
      return manager.findOneByOrFail(Webhook, { id: owner.id });
    });
    return { webhook, secret };
  }

  /** The oldest first. @param afterId the last one that was shown */
  async list(userId: number, { afterId, limit }: { afterId?: string; limit: number }): Promise<Webhook[]> {
    const query = this.database.manager
      .createQueryBuilder(Webhook, 'webhook')
      .where('webhook.userId = :userId', { userId })
      .orderBy('webhook.createdAt')
      .addOrderBy('webhook.id')
      .limit(limit);
    if (afterId !== undefined) {
      const last = '(SELECT created_at, id FROM webhooks WHERE id = :afterId AND user_id = :userId)';
      query.andWhere(`(webhook.createdAt, webhook.id) > ${last}`, { afterId, userId });
    }
    return query.getMany();
  }

  /** @throws RequestError `not_found` */
  async get(userId: number, id: string): Promise<Webhook> {
    const webhook = await this.database.manager.findOneBy(Webhook, { id, userId });
    if (webhook === null) throw notFound('webhook');
    return webhook;
  }

  /** What is left out stays. @throws RequestError `not_found`, `precondition_failed`, `validation_failed` */
  change(
    registrar: Registrar,
    id: string,
    change: Partial<WebhookValues>,
    ifMatch: string | undefined,
  ): Promise<Webhook> {
    if (change.url !== undefined) this.assertUrl(change.url);
    return this.withLocked(registrar.userId, id, async (manager, webhook) => {
      assertIfMatch(ifMatch, etagOf(webhook.version));
      webhook.url = change.url ?? webhook.url;
      webhook.eventTypes = [...(change.eventTypes ?? webhook.eventTypes)];
      webhook.enabled = change.enabled ?? webhook.enabled;
      if (change.enabled !== undefined) webhook.disabledReason = null;
      // Somebody mended something: do not wait before the next attempt.
      webhook.unreachableUntil = null;
      webhook.version += 1;
      const details = { host: new URL(webhook.url).host, enabled: webhook.enabled };
      await this.record(manager, registrar.origin, 'webhook.changed', id, details);
      return manager.save(Webhook, webhook);
    });
  }

  /** A new secret; the one before it also signs for PREVIOUS_SECRET_HOURS, any older one does not. */
  rotateSecret(registrar: Registrar, id: string): Promise<WebhookWithSecret> {
    const secret = newSecret();
    return this.withLocked(registrar.userId, id, async (manager, webhook) => {
      const now = this.clock.now();
      const [previous] = await this.secrets.living(webhook, new Date(now));
      webhook.sealedPreviousSecret = await this.secrets.seal(
        manager,
        webhook,
        'sealed_previous_secret',
        previous!,
      );
      webhook.previousSecretUntil = new Date(now + PREVIOUS_SECRET_HOURS * 60 * 60_000);
      webhook.sealedSecret = await this.secrets.seal(manager, webhook, 'sealed_secret', secret);
      webhook.version += 1;
      await this.record(manager, registrar.origin, 'webhook.secret_rotated', id);
      return { webhook: await manager.save(Webhook, webhook), secret };
    });
  }

  /** Its next delivery is tried, although nobody answered the last time. */
  async expectReachable(manager: EntityManager, id: string): Promise<void> {
    await manager.update(Webhook, { id, unreachableUntil: Not(IsNull()) }, { unreachableUntil: null });
  }

  /** With its deliveries; what waits is not sent any more. @throws RequestError `not_found` */
  async remove({ userId, origin }: Registrar, id: string): Promise<void> {
    await this.database.transaction(async (manager) => {
      const { affected } = await manager.delete(Webhook, { id, userId });
      if (affected === 0) throw notFound('webhook');
      await this.record(manager, origin, 'webhook.deleted', id);
    });
  }

  private withLocked<T>(
    userId: number,
    id: string,
    work: (manager: EntityManager, webhook: Webhook) => Promise<T>,
  ): Promise<T> {
    return this.database.transaction(async (manager) => {
      const lock = { mode: 'pessimistic_write' } as const;
      const webhook = await manager.findOne(Webhook, { where: { id, userId }, lock });
      if (webhook === null) throw notFound('webhook');
      return work(manager, webhook);
    });
  }

  /** The policy that each connection goes by, as far as the URL alone tells. */
  private assertUrl(text: string): void {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || url.hash !== '') throw badUrl('must be a URL such as https://example.org/hooks');
    try {
      this.context.dialer.assertAllowed(url);
    } catch (error) {
      if (!isStorageError(error)) throw error;
      throw badUrl(`${error.message} ${error.hint}`);
    }
  }

  /** Only the host: the path of a webhook is often its receiver's password. */
  private record(
    manager: EntityManager,
    origin: AuditOrigin,
    action: string,
    id: string,
    details: object = {},
  ): Promise<void> {
    return this.audit.record({ ...origin, action, subject: `webhook:${id}`, details }, manager);
  }
}

function badUrl(detail: string) {
  return validationFailed([{ pointer: '/url', detail, code: 'url' }]);
}
