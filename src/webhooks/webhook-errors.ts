import { StowageError } from '../errors/stowage-error.js';

export type WebhookErrorCode =
  /** 409. */
  | 'too_many_webhooks'
  /** 409. */
  | 'webhook_disabled';

/** Of one user. */
export const MAX_WEBHOOKS = 20;

export class WebhookError extends StowageError<WebhookErrorCode> {}

export function tooManyWebhooks(): WebhookError {
  return new WebhookError(
    'too_many_webhooks',
    `You have ${MAX_WEBHOOKS} webhooks already. Delete one that you no longer need, or change one.`,
  );
}

export function webhookDisabled(): WebhookError {
  return new WebhookError(
    'webhook_disabled',
    'This webhook is disabled: nothing is sent to it. Enable it first: PATCH it with {"enabled": true}.',
  );
}
