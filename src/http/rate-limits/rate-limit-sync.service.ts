import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Statements } from '../../database/statements.js';
import { RateLimiter, type WindowCount } from './rate-limiter.js';

const EXCHANGE_EVERY_MS = 1_000;
const CLEAN_EVERY_MS = 60_000;

/** Rows are locked in the order of their subjects, so that two replicas never wait for each other. */
const ADD_COUNTS = {
  name: 'rate_limits_add',
  text: `
    INSERT INTO rate_limits (subject, window_start, requests)
    SELECT subject, to_timestamp(start_ms / 1000.0), requests
    FROM unnest($1::text[], $2::bigint[], $3::integer[]) AS counted (subject, start_ms, requests)
    ORDER BY subject, start_ms
    ON CONFLICT (subject, window_start) DO UPDATE SET requests = rate_limits.requests + excluded.requests
    RETURNING subject, (extract(epoch FROM window_start) * 1000)::float8 AS start_ms, requests`,
};
const DROP_OLD = {
  name: 'rate_limits_drop_old',
  text: `DELETE FROM rate_limits WHERE window_start < now() - interval '5 minutes'`,
};

/** Once a second, one statement tells the database what this process counted and learns what all counted. */
@Injectable()
export class RateLimitSync implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger(RateLimitSync.name);
  readonly #timers: NodeJS.Timeout[] = [];
  #running: Promise<void> | undefined;
  #failing = false;

  constructor(
    private readonly limiter: RateLimiter,
    private readonly statements: Statements,
  ) {}

  onApplicationBootstrap(): void {
    this.#timers.push(
      setInterval(() => void (this.#running ??= this.exchange()), EXCHANGE_EVERY_MS),
      setInterval(() => void this.attempt(() => this.statements.query(DROP_OLD, [])), CLEAN_EVERY_MS),
    );
    for (const timer of this.#timers) timer.unref();
  }

  async onModuleDestroy(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#running;
  }

  private async exchange(): Promise<void> {
    const counts = this.limiter.takeUnsent();
    if (counts.length > 0) {
      const totals = await this.attempt(() => this.send(counts));
      if (totals) this.limiter.applyTotals(totals);
      else this.limiter.putBack(counts);
    }
    this.#running = undefined;
  }

  private async send(counts: readonly WindowCount[]): Promise<WindowCount[]> {
    const rows = await this.statements.query<{ subject: string; start_ms: number; requests: number }>(
      ADD_COUNTS,
      [
        counts.map((count) => count.subject),
        counts.map((count) => count.windowStartMs),
        counts.map((count) => count.requests),
      ],
    );
    return rows.map((row) => ({
      subject: row.subject,
      windowStartMs: Number(row.start_ms),
      requests: row.requests,
    }));
  }

  /** A database that is away must not stop the service: each replica then counts alone. Said once. */
  private async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await work();
      this.#failing = false;
      return result;
    } catch (error) {
      if (!this.#failing) this.#logger.warn('rate limits are not shared while the database is away', error);
      this.#failing = true;
      return undefined;
    }
  }
}
