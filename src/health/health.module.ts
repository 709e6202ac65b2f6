import { type DynamicModule, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import type { Environment } from '../config/environment.js';
import { VERSION } from '../config/version.js';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { Metrics } from '../telemetry/metrics.js';
import { HealthController } from './health.controller.js';
import { MetricsController, PublicMetricsController } from './metrics.controller.js';
import { ReadinessChecks } from './readiness-checks.service.js';

@Module({})
export class HealthModule {
  constructor(metrics: Metrics) {
    const build = metrics.gauge('stowage_build_info', 'Always 1; its labels tell what runs.', [
      'version',
      'node',
    ]);
    build.set({ version: VERSION, node: process.version }, 1);
  }

  static with({ METRICS_PUBLIC }: Environment): DynamicModule {
    return {
      module: HealthModule,
      // Failures are answered and counted; terminus need not log each probe of a balancer.
      imports: [CredentialsModule, TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController, METRICS_PUBLIC ? PublicMetricsController : MetricsController],
      providers: [ReadinessChecks],
    };
  }
}
