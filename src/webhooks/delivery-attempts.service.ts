import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../config/clock.js';
import { EnvelopeError } from '../credentials/sealing/envelope.js';
import type { JobRun } from '../jobs/job-handler.js';
import { JobQueue } from '../jobs/job-queue.service.js';
import type { ConnectContext } from '../storage-providers/storage-provider.js';
import { CONNECT_CONTEXT } from '../storage-providers/storage-providers.module.js';
import {
  type AttemptOutcome,
  MAX_ATTEMPTS,
  nextStep,
  type NextStep,
  waitWhilePaused,
} from './delivery-plan.js';
import { DELIVER_TASK, type DeliveryJob } from './delivery-queue.service.js';
import { DeliveryRecords } from './delivery-records.service.js';
import { postMessage } from './post-message.js';
import { signedHeaders } from './signed-message.js';
import { WebhookDelivery } from './webhook-delivery.entity.js';
import { WebhookSecrets } from './webhook-secrets.service.js';
import type { Webhook } from './webhook.entity.js';

type Waiting = WebhookDelivery & { readonly webhook: Webhook };

/**
 * Makes one attempt at a delivery. The message is sent before its outcome is noted, so a crash in between sends it again:
 * receivers know a repeated message by its `webhook-id`.
 */
@Injectable()
export class DeliveryAttempts implements OnModuleInit {
  private readonly log = new Logger(DeliveryAttempts.name);

  constructor(
    private readonly database: DataSource,
    private readonly jobs: JobQueue,
    private readonly records: DeliveryRecords,
    private readonly secrets: WebhookSecrets,
    @Inject(CONNECT_CONTEXT) private readonly context: ConnectContext,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.jobs.handle<DeliveryJob>(DELIVER_TASK, (job, run) => this.attempt(job, run));
  }

  /** @throws whatever hinders the attempt here and may not elsewhere: a sealed installation, a database that is away */
  private async attempt({ delivery_id: id, attempts }: DeliveryJob, { signal }: JobRun): Promise<void> {
    const delivery = await this.waiting(id, attempts);
    if (delivery === undefined) return;
    const now = new Date(this.clock.now());
    const held = this.heldUp(delivery, now);
    if (held !== undefined) return held;
    const outcome = await this.send(delivery, now, signal);
    if (outcome === undefined) return this.records.giveUp(delivery, SECRET_UNREADABLE);
    const step = nextStep(outcome, triesOf(delivery), Math.random());
    await this.records.note(delivery, outcome, step, now);
    this.tell(delivery, step);
  }

  private async waiting(id: string, attempts: number): Promise<Waiting | undefined> {
    const where = { id, attempts, state: 'pending' } as const;
    const delivery = await this.database.manager.findOne(WebhookDelivery, {
      where,
      relations: { webhook: true },
    });
    return (delivery as Waiting | null) ?? undefined;
  }

  private heldUp(delivery: Waiting, now: Date): Promise<void> | undefined {
    const { webhook, pendingSince } = delivery;
    if (!webhook.enabled) return this.records.giveUp(delivery, DISABLED);
    const pausedMs = (webhook.unreachableUntil?.getTime() ?? 0) - now.getTime();
    if (pausedMs <= 0) return undefined;
    const waitMs = waitWhilePaused(
      { pausedMs, pendingMs: now.getTime() - pendingSince.getTime() },
      Math.random(),
    );
    if (waitMs === undefined) return this.records.giveUp(delivery, NEVER_REACHED);
    return this.records.postpone(delivery, new Date(now.getTime() + waitMs));
  }

  /** Undefined: the secret is damaged, and a message without its signature is none. */
  private async send(delivery: Waiting, now: Date, signal: AbortSignal): Promise<AttemptOutcome | undefined> {
    const { webhook, messageId, body } = delivery;
    const secrets = await this.secrets.living(webhook, now).catch((error: unknown) => {
      if (error instanceof EnvelopeError) return undefined;
      throw error;
    });
    if (secrets === undefined) return undefined;
    const headers = signedHeaders({ id: messageId, at: now, body }, secrets);
    return postMessage({ url: webhook.url, headers, body }, { dialer: this.context.dialer, signal });
  }

  private tell({ id, webhookId, eventType, attempts }: Waiting, step: NextStep): void {
    if (step.state === 'delivered') return;
    const level = step.state === 'failed' ? 'warn' : 'debug';
    const msg =
      step.state === 'failed' ? 'An event was not delivered.' : 'An attempt to deliver an event failed.';
    this.log[level]({
      msg,
      deliveryId: id,
      webhookId,
      eventType,
      attempts: attempts + 1,
      reason: step.error,
    });
  }
}

/** A test tells what is, now; nobody wants its answer tomorrow. */
function triesOf({ attempts, eventType }: Waiting): { attempts: number; maxAttempts: number } {
  return { attempts: attempts + 1, maxAttempts: eventType === 'webhook.test' ? 1 : MAX_ATTEMPTS };
}

const DISABLED = 'Not sent: the webhook is disabled.';
const NEVER_REACHED = 'Not sent: nobody answered at the URL for two days.';
const SECRET_UNREADABLE =
  'Not sent: the webhook’s secret cannot be decrypted. Rotate it, then send this again.';
