import { Module } from '@nestjs/common';
import { APP_GUARD, APP_PIPE } from '@nestjs/core';
import { Clock } from '../config/clock.js';
import { Config } from '../config/config.js';
import { IdempotencyGuard } from './idempotency/idempotency.guard.js';
import { IdempotencyRuns } from './idempotency/idempotency-runs.service.js';
import { IdempotencyStore } from './idempotency/idempotency-store.js';
import { Metrics } from '../telemetry/metrics.js';
import { ApiDocsController, ApiDocument } from './openapi/api-docs.controller.js';
import { RateLimitGuard } from './rate-limits/rate-limit.guard.js';
import { RateLimitSync } from './rate-limits/rate-limit-sync.service.js';
import { RateLimiter } from './rate-limits/rate-limiter.js';
import { RequestValidationPipe } from './validation.pipe.js';

/** Global guards run in the order of imports: this module comes after AuthModule, so that the caller is known here. */
@Module({
  controllers: [ApiDocsController],
  providers: [
    ApiDocument,
    {
      provide: RateLimiter,
      inject: [Config, Clock, Metrics],
      useFactory: rateLimiter,
    },
    RateLimitSync,
    IdempotencyStore,
    IdempotencyRuns,
    { provide: APP_GUARD, useClass: RateLimitGuard },
    { provide: APP_GUARD, useClass: IdempotencyGuard },
    { provide: APP_PIPE, useClass: RequestValidationPipe },
  ],
})
export class HttpModule {}

function rateLimiter({ env }: Config, clock: Clock, metrics: Metrics): RateLimiter {
  const refused = metrics.counter('stowage_rate_limited_total', 'Requests refused with 429.', ['subject']);
  return new RateLimiter(
    { key: env.RATE_LIMIT_PER_KEY, address: env.RATE_LIMIT_PER_ADDRESS },
    () => clock.now(),
    (subject) => refused.inc({ subject }),
  );
}
