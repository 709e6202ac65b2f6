import type { ChosenEventType } from './event-types.js';
import type { WebhookWithSecret } from './registered-webhooks.service.js';
import type { WebhookDelivery } from './webhook-delivery.entity.js';
import type { Webhook } from './webhook.entity.js';
import type { WebhookDeliveryDto, WebhookDto, WebhookWithSecretDto } from './webhooks.dto.js';

/* Rows as they are on the wire. */

export function webhookJson(webhook: Webhook): WebhookDto {
  return {
    id: webhook.id,
    url: webhook.url,
    event_types: webhook.eventTypes as ChosenEventType[],
    enabled: webhook.enabled,
    disabled_reason: webhook.disabledReason,
    previous_secret_until: isoOrNull(webhook.previousSecretUntil),
    created_at: webhook.createdAt.toISOString(),
  };
}

export function webhookWithSecretJson({ webhook, secret }: WebhookWithSecret): WebhookWithSecretDto {
  return { ...webhookJson(webhook), secret };
}

export function deliveryJson(delivery: WebhookDelivery): WebhookDeliveryDto {
  return {
    id: delivery.id,
    webhook_id: delivery.webhookId,
    message_id: delivery.messageId,
    event_type: delivery.eventType,
    state: delivery.state,
    attempts: delivery.attempts,
    last_status: delivery.lastStatus,
    last_error: delivery.lastError,
    last_attempt_at: isoOrNull(delivery.lastAttemptAt),
    next_attempt_at: isoOrNull(delivery.nextAttemptAt),
    body: delivery.body,
    created_at: delivery.createdAt.toISOString(),
  };
}

function isoOrNull(date: Date | null): string | null {
  return date?.toISOString() ?? null;
}
