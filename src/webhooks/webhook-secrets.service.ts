import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { SealedTexts, type TextPlace } from '../credentials/sealing/sealed-texts.service.js';
import type { Webhook } from './webhook.entity.js';

type SecretField = 'sealed_secret' | 'sealed_previous_secret';
type Owner = Pick<Webhook, 'id' | 'userId'>;

/** The secrets that messages are signed with: sealed in the row, opened for an attempt. */
@Injectable()
export class WebhookSecrets {
  constructor(private readonly texts: SealedTexts) {}

  /** @throws CredentialsError `sealed`; EnvelopeError when the user's data key was tampered with */
  seal(manager: EntityManager, owner: Owner, field: SecretField, secret: string): Promise<string> {
    return this.texts.seal(manager, placeOf(owner, field), secret);
  }

  /**
   * The newest first; the one before it too, while it lives.
   * @throws CredentialsError `sealed`; EnvelopeError when a secret was changed or moved
   */
  async living(webhook: Webhook, now: Date): Promise<string[]> {
    const { sealedSecret, sealedPreviousSecret, previousSecretUntil } = webhook;
    const newest = await this.texts.open(placeOf(webhook, 'sealed_secret'), sealedSecret);
    if (sealedPreviousSecret === null || previousSecretUntil === null || previousSecretUntil <= now)
      return [newest];
    return [newest, await this.texts.open(placeOf(webhook, 'sealed_previous_secret'), sealedPreviousSecret)];
  }
}

function placeOf({ id, userId }: Owner, field: SecretField): TextPlace {
  return { purpose: 'hook', userId, rowId: id, field, version: 1 };
}
