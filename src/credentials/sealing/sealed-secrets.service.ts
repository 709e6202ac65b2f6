import { Injectable, Logger } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Metrics } from '../../telemetry/metrics.js';
import { credentialsUnreadable } from '../credentials-error.js';
import { EnvelopeError } from './envelope.js';
import { SealedTexts, type TextPlace } from './sealed-texts.service.js';

/** The secret fields of one configuration, by field name. */
export type Secrets = Readonly<Record<string, string>>;

/** The row that the secrets belong to. They open only there. */
export interface SecretsOwner {
  readonly userId: number;
  readonly configId: number;
  readonly version: number;
}

/** Seals and opens the secrets of configurations. */
@Injectable()
export class SealedSecrets {
  private readonly log = new Logger(SealedSecrets.name);
  private readonly unreadable;

  constructor(
    private readonly texts: SealedTexts,
    metrics: Metrics,
  ) {
    this.unreadable = metrics.counter(
      'stowage_credentials_unreadable_total',
      'Stored credentials that could not be decrypted. Anything but 0 needs an operator.',
    );
  }

  /**
   * @returns the value of `encrypted_config`
   * @throws CredentialsError `sealed`, `credentials_unreadable` (the user's data key is damaged)
   */
  async seal(manager: EntityManager, owner: SecretsOwner, secrets: Secrets): Promise<string> {
    try {
      return await this.texts.seal(manager, placeOf(owner), JSON.stringify(secrets));
    } catch (error) {
      throw this.report(error, owner);
    }
  }

  /** @throws CredentialsError `sealed`, `credentials_unreadable`; the row is never touched */
  async open(owner: SecretsOwner, encryptedConfig: string): Promise<Secrets> {
    try {
      return JSON.parse(await this.texts.open(placeOf(owner), encryptedConfig)) as Secrets;
    } catch (error) {
      throw this.report(error, owner);
    }
  }

  private report(error: unknown, owner: SecretsOwner): unknown {
    if (!(error instanceof EnvelopeError)) return error;
    this.unreadable.inc();
    this.log.error(
      `The credentials of user ${owner.userId} in configuration ${owner.configId} cannot be decrypted.`,
    );
    return credentialsUnreadable({ cause: error });
  }
}

function placeOf({ userId, configId, version }: SecretsOwner): TextPlace {
  return { purpose: 'cfg', userId, rowId: configId, field: 'encrypted_config', version };
}
