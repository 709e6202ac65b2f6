import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { type Metered, StorageMeter } from '../credentials/storage-meter.service.js';
import { Statements } from '../database/statements.js';
import { JobQueue } from '../jobs/job-queue.service.js';
import { Metrics } from '../telemetry/metrics.js';

/** What a crash may lose. */
const WRITE_EVERY_MS = 10_000;
/** Of one statement. */
const ROWS_AT_ONCE = 5_000;
const KEPT_DAYS = 800;
const FORGET_TASK = 'usage.forget-old';
const FORGET_EVERY_SECONDS = 86_400;

/** In one order everywhere, so that replicas that write at the same time do not wait for each other in a circle. */
const ADD = {
  name: 'usage_add',
  text: `INSERT INTO usage_daily AS known
      (user_id, day, cloud_config_id, request_class, requests, sent_bytes, received_bytes)
    SELECT config.user_id, more.day, config.id, more.request_class, more.requests, more.sent_bytes, more.received_bytes
      FROM unnest($1::integer[], $2::date[], $3::varchar[], $4::bigint[], $5::bigint[], $6::bigint[])
        AS more (config_id, day, request_class, requests, sent_bytes, received_bytes)
      JOIN cloud_configs config ON config.id = more.config_id
      ORDER BY 1, 2, 3, 4
    ON CONFLICT (user_id, day, cloud_config_id, request_class) DO UPDATE SET
      requests = known.requests + excluded.requests, sent_bytes = known.sent_bytes + excluded.sent_bytes,
      received_bytes = known.received_bytes + excluded.received_bytes`,
};

const FORGET = {
  name: 'usage_forget',
  text: 'DELETE FROM usage_daily WHERE day < now()::date - $1::integer',
};

/**
 * Writes down what the meter has counted: every ten seconds, and when the process stops. When a write fails, it is done
 * again with the next; one whose answer was lost may so be counted twice, which errs on the dear side.
 */
@Injectable()
export class UsageRecorder implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log = new Logger(UsageRecorder.name);
  private readonly lost;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly meter: StorageMeter,
    private readonly statements: Statements,
    private readonly queue: JobQueue,
    metrics: Metrics,
  ) {
    this.lost = metrics.counter(
      'stowage_usage_requests_lost_total',
      'Calls to providers that are in no usage.',
    );
  }

  onModuleInit(): void {
    this.queue.handle(FORGET_TASK, async () => void (await this.statements.query(FORGET, [KEPT_DAYS])));
    this.queue.schedule(FORGET_TASK, { everySeconds: FORGET_EVERY_SECONDS });
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.write(), WRITE_EVERY_MS).unref();
  }

  /** After the last request and the last job, before the connections to the database end. */
  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.write();
  }

  /** Writes down everything that was counted so far. Never rejects. */
  write(): Promise<void> {
    this.writing = this.writing.then(() => this.writeAll());
    return this.writing;
  }

  private async writeAll(): Promise<void> {
    const taken = this.meter.take();
    const lost = this.meter.takeLost();
    if (lost > 0) {
      this.lost.inc(lost);
      this.log.error(
        `${lost} calls to providers are in no usage: more buckets were used than can be counted`,
      );
    }
    for (let from = 0; from < taken.length; from += ROWS_AT_ONCE) {
      const rows = taken.slice(from, from + ROWS_AT_ONCE);
      try {
        await this.statements.query(ADD, columnsOf(rows));
      } catch (error) {
        this.meter.giveBack(taken.slice(from));
        this.log.warn('Usage could not be written down yet', error);
        return;
      }
    }
  }
}

function columnsOf(rows: readonly Metered[]): unknown[] {
  return [
    rows.map(({ configId }) => configId),
    rows.map(({ day }) => day),
    rows.map(({ requestClass }) => requestClass),
    rows.map(({ requests }) => requests),
    rows.map(({ sentBytes }) => sentBytes),
    rows.map(({ receivedBytes }) => receivedBytes),
  ];
}
