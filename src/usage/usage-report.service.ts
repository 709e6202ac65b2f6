import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { User } from '../auth/user.entity.js';
import { Clock } from '../config/clock.js';
import { notFound, validationFailed } from '../errors/request-errors.js';
import { Quotas } from '../files/quotas.js';
import type { KnownPrice } from './prices.service.js';
import { Prices } from './prices.service.js';
import type { ConfigUsed, DoneThere, Period } from './usage-reads.service.js';
import { UsageRecorder } from './usage-recorder.service.js';
import { UsageReads } from './usage-reads.service.js';

/** Everything that is known of a user's usage in a period, and what things cost. */
export interface UsageFacts {
  readonly userId: number;
  readonly period: Period;
  readonly periodDays: number;
  readonly quotaBytes: number | null;
  /** What the quota counts. */
  readonly quotaUsedBytes: number;
  readonly configs: readonly ConfigUsed[];
  /** By configuration. */
  readonly done: ReadonlyMap<number, DoneThere>;
  readonly prices: readonly KnownPrice[];
}

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;
const MAX_DAYS = 366;

/** Gathers what the usage routes tell. */
@Injectable()
export class UsageReport {
  constructor(
    private readonly database: DataSource,
    private readonly reads: UsageReads,
    private readonly recorder: UsageRecorder,
    private readonly prices: Prices,
    private readonly quotas: Quotas,
    private readonly clock: Clock,
  ) {}

  /** @throws RequestError `not_found` for an unknown user, `validation_failed` for days that make no period */
  async facts(userId: number, days: Partial<Period>): Promise<UsageFacts> {
    const period = this.periodOf(days);
    await this.assertUser(userId);
    // What this process has counted shows at once, what others have, within some seconds.
    await this.recorder.write();
    const [configs, done, prices, quota] = await Promise.all([
      this.reads.configs(userId, period),
      this.reads.period(userId, period),
      this.prices.all(),
      this.quotas.read(userId),
    ]);
    return {
      userId,
      period,
      periodDays: daysOf(period),
      quotaBytes: quota.quotaBytes,
      quotaUsedBytes: quota.usedBytes,
      configs,
      done: new Map(done.map((one) => [one.configId, one])),
      prices,
    };
  }

  /** @throws like `facts` */
  async days(userId: number, days: Partial<Period>): Promise<DoneThere[]> {
    const period = this.periodOf(days);
    await this.assertUser(userId);
    await this.recorder.write();
    return this.reads.days(userId, period);
  }

  /** The last thirty days with today, unless other days are given. */
  private periodOf({ from, to }: Partial<Period>): Period {
    const last = to ?? dayOf(this.clock.now());
    const first = from ?? dayOf(Date.parse(last) - (DEFAULT_DAYS - 1) * DAY_MS);
    const period = { from: first, to: last };
    if (first > last) throw wrongDay('must not be later than `to`');
    if (daysOf(period) > MAX_DAYS) throw wrongDay(`must be at most ${MAX_DAYS - 1} days before \`to\``);
    return period;
  }

  private async assertUser(userId: number): Promise<void> {
    if (!(await this.database.manager.existsBy(User, { id: userId }))) throw notFound('user');
  }
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function daysOf({ from, to }: Period): number {
  return (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
}

function wrongDay(detail: string) {
  return validationFailed([{ pointer: '/from', detail, code: 'period' }]);
}
