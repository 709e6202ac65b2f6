import { randomBytes, randomUUID } from 'node:crypto';
import { Webhook as Signer } from 'standardwebhooks';
import { VERSION } from '../config/version.js';
import type { EventData, EventType } from './event-types.js';

/* Messages as Standard Webhooks 1.0 has them: https://www.standardwebhooks.com */

const SECRET_BYTES = 32;

/** `whsec_` and 32 random bytes in base64. */
export function newSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

export function newMessageId(): string {
  return `msg_${randomUUID().replaceAll('-', '')}`;
}

/** What is signed and sent. */
export function messageBody<T extends EventType>(type: T, at: Date, data: EventData<T>): string {
  return JSON.stringify({ type, timestamp: at.toISOString(), data });
}

export interface MessageToSign {
  readonly id: string;
  /** Of this attempt, so that receivers can refuse what was recorded and is sent again by others. */
  readonly at: Date;
  readonly body: string;
}

/** Headers of one attempt, with one signature for each secret that the receiver may still go by. */
export function signedHeaders(
  { id, at, body }: MessageToSign,
  secrets: readonly string[],
): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': `Stowage/${VERSION}`,
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': secrets.map((secret) => new Signer(secret).sign(id, at, body)).join(' '),
  };
}
