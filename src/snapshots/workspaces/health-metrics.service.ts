import { Injectable } from '@nestjs/common';
import type { Gauge } from 'prom-client';
import { WORKSPACE_HEALTHS } from '../../repositories/workspace-health.js';
import { Metrics } from '../../telemetry/metrics.js';
import type { HealthJudgement } from './judge-health.js';
import type { HealthRow } from './workspace-view.js';

/** What the watchdog sees, for Prometheus. Only the replica that looks shows it, so that sums count nothing twice. */
@Injectable()
export class HealthMetrics {
  private readonly workspaces: Gauge<'health'>;
  private readonly oldest: Gauge;

  constructor(metrics: Metrics) {
    this.workspaces = metrics.gauge('stowage_workspaces', 'Workspaces by health.', ['health']);
    this.oldest = metrics.gauge(
      'stowage_oldest_durable_state_seconds',
      'Age of the newest restorable state of the workspace, not paused, that is worst off.',
    );
    this.clear();
  }

  show(
    judged: ReadonlyArray<{ readonly row: HealthRow; readonly judged: HealthJudgement }>,
    nowMs: number,
  ): void {
    for (const health of WORKSPACE_HEALTHS) {
      this.workspaces.set({ health }, judged.filter((one) => one.judged.state === health).length);
    }
    const ages = judged
      .filter(({ row }) => !row.paused)
      .map(({ row }) => nowMs - (row.last_durable_at ?? row.active_since).getTime());
    this.oldest.set(ages.reduce((oldest, age) => Math.max(oldest, age), 0) / 1_000);
  }

  clear(): void {
    this.workspaces.reset();
    this.oldest.reset();
  }
}
