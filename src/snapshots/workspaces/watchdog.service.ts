import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../config/clock.js';
import { Config } from '../../config/config.js';
import { ADVISORY_LOCK_CLASS, ADVISORY_LOCKS } from '../../database/advisory-locks.js';
import { Webhooks } from '../../webhooks/webhooks.service.js';
import { HealthMetrics } from './health-metrics.service.js';
import { type HealthJudgement, judgeHealth, OFFLINE_AFTER_MS } from './judge-health.js';
import { HEALTH_COLUMNS, HEALTH_SOURCES, healthFacts, type HealthRow } from './workspace-view.js';

const LOOK_EVERY_MS = 5_000;

interface JudgedRow {
  readonly row: HealthRow;
  readonly judged: HealthJudgement;
}

/**
 * Looks at all workspaces every few seconds and raises the alarm: on what happened, and on what did not. Of several
 * replicas one looks at a time; when it dies, another one does at its next turn.
 */
@Injectable()
export class Watchdog implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger(Watchdog.name);
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;

  constructor(
    private readonly database: DataSource,
    private readonly webhooks: Webhooks,
    private readonly metrics: HealthMetrics,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.config.env.STOWAGE_ROLES.includes('worker')) return;
    this.timer = setInterval(() => this.turn(), LOOK_EVERY_MS);
    this.timer.unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  /** A look that takes longer than its turn is not overtaken. */
  private turn(): void {
    this.looking ??= this.look()
      .then(() => undefined)
      .catch((error: unknown) => this.log.error(`The watchdog could not look: ${String(error)}`))
      .finally(() => (this.looking = undefined));
  }

  /** @returns how many workspaces and agents changed; undefined when another replica looks right now */
  async look(): Promise<number | undefined> {
    return this.database.transaction(async (manager) => {
      if (!(await isOnDuty(manager))) {
        this.metrics.clear();
        return undefined;
      }
      const nowMs = this.clock.now();
      const agents = await this.lookAtAgents(manager);
      const rows = await manager.query<HealthRow[]>(ALL);
      const judged = rows.map((row) => ({ row, judged: judgeHealth(healthFacts(row), nowMs) }));
      this.metrics.show(judged, nowMs);
      const changed = judged.filter((one) => one.judged.state !== one.row.health);
      return agents + (await this.tell(manager, changed));
    });
  }

  private async tell(manager: EntityManager, changed: readonly JudgedRow[]): Promise<number> {
    if (changed.length === 0) return 0;
    const [told] = await manager.query<[{ id: string }[], number]>(CHANGE, [
      changed.map(({ row }) => row.id),
      changed.map(({ judged }) => judged.state),
      changed.map(({ row }) => row.health),
    ]);
    const ids = new Set(told.map(({ id }) => id));
    for (const { row, judged } of changed.filter((one) => ids.has(one.row.id))) {
      await this.webhooks.emit(manager, {
        userId: row.user_id,
        type: 'workspace.health_changed',
        data: {
          workspace_id: row.id,
          workspace_name: row.name,
          health: judged.state,
          previous_health: row.health,
          reason: judged.reason,
        },
      });
    }
    return ids.size;
  }

  private async lookAtAgents(manager: EntityManager): Promise<number> {
    const [changed] = await manager.query<[PresenceRow[], number]>(PRESENCE, [OFFLINE_AFTER_MS]);
    for (const { id, user_id, name, last_seen_at, is_offline } of changed) {
      await this.webhooks.emit(manager, {
        userId: user_id,
        type: is_offline ? 'agent.offline' : 'agent.online',
        data: { agent_id: id, agent_name: name, last_seen_at: last_seen_at?.toISOString() ?? null },
      });
    }
    return changed.length;
  }
}

interface PresenceRow {
  readonly id: string;
  readonly user_id: number;
  readonly name: string;
  readonly last_seen_at: Date | null;
  readonly is_offline: boolean;
}

async function isOnDuty(manager: EntityManager): Promise<boolean> {
  const [{ locked }] = await manager.query<[{ locked: boolean }]>(
    'SELECT pg_try_advisory_xact_lock($1, $2) AS locked',
    [ADVISORY_LOCK_CLASS, ADVISORY_LOCKS.watchdog],
  );
  return locked;
}

const ALL = `SELECT ${HEALTH_COLUMNS} FROM ${HEALTH_SOURCES} WHERE w.deleted_at IS NULL`;

/** One that a user has changed meanwhile is judged anew at the next turn. */
const CHANGE = `UPDATE workspaces w SET health = change.state, health_since = now()
  FROM unnest($1::uuid[], $2::text[], $3::text[]) AS change (id, state, previous)
  WHERE w.id = change.id AND w.health = change.previous AND w.deleted_at IS NULL RETURNING w.id`;

/** An agent that was only enrolled is not offline: it was never there. */
const PRESENCE = `UPDATE agents a SET offline_since = CASE WHEN a.offline_since IS NULL THEN now() END
  FROM (SELECT id, last_seen_at < now() - $1 * interval '1 millisecond' AS is_silent FROM agents
    WHERE removed_at IS NULL AND last_seen_at IS NOT NULL) seen
  WHERE a.id = seen.id AND seen.is_silent <> (a.offline_since IS NOT NULL)
  RETURNING a.id, a.user_id, a.name, a.last_seen_at, a.offline_since IS NOT NULL AS is_offline`;
