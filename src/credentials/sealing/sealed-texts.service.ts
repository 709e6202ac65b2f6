import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DataKeys } from './data-keys.service.js';
import { envelopeKeyIds, openEnvelope, sealEnvelope, type SealedPlace } from './envelope.js';
import { Sealing } from './sealing.service.js';

/** The column of one row that a text belongs to. It opens only there. */
export type TextPlace = Omit<SealedPlace, 'installationId'>;

/** Seals and opens single texts under the data key of their user. */
@Injectable()
export class SealedTexts {
  constructor(
    private readonly sealing: Sealing,
    private readonly dataKeys: DataKeys,
  ) {}

  /** @throws CredentialsError `sealed`; EnvelopeError when the user's data key was tampered with */
  async seal(manager: EntityManager, place: TextPlace, text: string): Promise<string> {
    const { installationId } = this.sealing.opened();
    const { id, key, kekId } = await this.dataKeys.forSealing(manager, place.userId);
    return sealEnvelope(key, { kekId, dekId: id }, { ...place, installationId }, Buffer.from(text, 'utf8'));
  }

  /** @throws CredentialsError `sealed`; EnvelopeError when the text was changed, moved or sealed with another key */
  async open(place: TextPlace, sealedText: string): Promise<string> {
    const { installationId } = this.sealing.opened();
    const key = await this.dataKeys.ofUser(place.userId, envelopeKeyIds(sealedText).dekId);
    return openEnvelope(key, sealedText, { ...place, installationId }).toString('utf8');
  }
}
