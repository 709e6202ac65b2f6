import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { type AuditOrigin, AuditLog } from '../auth/audit-log.service.js';
import { Clock } from '../config/clock.js';
import { Config } from '../config/config.js';
import { notFound, validationFailed } from '../errors/request-errors.js';
import { Jobs } from '../jobs/jobs.service.js';
import { Agent } from '../repositories/agent.entity.js';
import { RestoreSteps } from '../repositories/restore-steps.service.js';
import { agentInUse, agentIsEmbedded } from './agents-error.js';
import { Evictions } from './evictions.service.js';

/** As its user sees it. */
export interface SeenAgent {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly platform: string;
  readonly program_version: string;
  readonly is_embedded: boolean;
  readonly enrolled_at: Date;
  readonly last_seen_at: Date | null;
  /** Of the caller; the one who enrolled it sees all. */
  readonly workspaces: number;
}

/** Named in a refusal. */
const MAX_NAMED_WORKSPACES = 5;

/** A user's agents, and the server's own, which serves everybody. */
@Injectable()
export class Agents {
  constructor(
    private readonly database: DataSource,
    private readonly evictions: Evictions,
    private readonly restores: RestoreSteps,
    private readonly jobs: Jobs,
    private readonly audit: AuditLog,
    private readonly config: Config,
    private readonly clock: Clock,
  ) {}

  /**
   * The newest first.
   * @param afterId the last one that was shown
   * @throws RequestError `validation_failed` when there never was such an agent
   */
  async list(userId: number, { afterId, limit }: { afterId?: string; limit: number }): Promise<SeenAgent[]> {
    const { manager } = this.database;
    if (afterId !== undefined && !(await manager.existsBy(Agent, { id: afterId }))) throw cursorGone();
    return manager.query<SeenAgent[]>(LIST, [userId, afterId ?? null, limit]);
  }

  /** @throws RequestError `not_found` */
  async get(userId: number, id: string): Promise<SeenAgent> {
    const [agent] = await this.database.manager.query<SeenAgent[]>(GET, [userId, id]);
    if (agent === undefined) throw notFound('agent');
    return agent;
  }

  /**
   * Its key is revoked, its leases end, what it was to do fails. The row stays for the snapshots that name it.
   * @param force although workspaces are assigned to it: of a host that is lost or that nobody trusts any more
   * @throws RequestError `not_found`; AgentsError `agent_in_use`, `agent_is_embedded`
   */
  async remove(userId: number, origin: AuditOrigin, id: string, force: boolean): Promise<void> {
    const seen = await this.get(userId, id);
    if (seen.is_embedded && this.config.env.EMBEDDED_AGENT) throw agentIsEmbedded();
    await this.database.transaction(async (manager) => {
      const agent = await manager.findOne(Agent, {
        where: { id, userId },
        lock: { mode: 'pessimistic_write' },
      });
      if (agent === null) throw seen.is_embedded ? agentIsEmbedded() : notFound('agent');
      if (agent.removedAt !== null) throw notFound('agent');
      if (!force) await assertUnused(manager, id);
      await manager.update(Agent, { id }, { removedAt: new Date(this.clock.now()) });
      await this.evictions.evict(manager, origin, agent);
      await this.giveUpWork(manager, id);
      const details = { name: agent.name, force };
      await this.audit.record(
        { ...origin, action: 'agent.removed', subject: `agent:${id}`, details },
        manager,
      );
    });
    this.evictions.takeEffect();
  }

  private async giveUpWork(manager: EntityManager, agentId: string): Promise<void> {
    const detail = 'The agent that was to do this was removed.';
    await this.restores.giveUp(manager, agentId, detail);
    const asked = await manager.query<{ id: string }[]>(REQUESTED_RUNS, [agentId]);
    for (const { id } of asked) await this.jobs.fail(id, 'agent_removed', detail, manager);
    await manager.query(FORGET_REQUESTS, [agentId]);
  }
}

/** $1 the user; the embedded agent is everybody's. */
const SEEN = `
  SELECT a.id, a.name, a.hostname, a.platform, a.program_version, a.is_embedded, a.enrolled_at, a.last_seen_at,
      (SELECT count(*)::int FROM workspaces w
        WHERE w.agent_id = a.id AND w.deleted_at IS NULL AND (a.user_id = $1 OR w.user_id = $1)) AS workspaces
    FROM agents a WHERE a.removed_at IS NULL AND (a.user_id = $1 OR a.is_embedded)`;

const GET = `${SEEN} AND a.id = $2`;

const LIST = `${SEEN}
    AND ($2::uuid IS NULL OR (a.enrolled_at, a.id) < (SELECT enrolled_at, id FROM agents WHERE id = $2))
  ORDER BY a.enrolled_at DESC, a.id DESC LIMIT $3`;

const REQUESTED_RUNS =
  'SELECT requested_run_id AS id FROM workspaces WHERE agent_id = $1 AND requested_run_id IS NOT NULL';
const FORGET_REQUESTS = 'UPDATE workspaces SET requested_run_id = NULL WHERE agent_id = $1';

async function assertUnused(manager: EntityManager, agentId: string): Promise<void> {
  const workspaces = await manager.query<{ name: string }[]>(
    'SELECT name FROM workspaces WHERE agent_id = $1 AND deleted_at IS NULL ORDER BY name',
    [agentId],
  );
  if (workspaces.length === 0) return;
  const names = workspaces.slice(0, MAX_NAMED_WORKSPACES).map(({ name }) => name);
  throw agentInUse(workspaces.length, names);
}

function cursorGone() {
  const detail = 'must be the next_cursor of an earlier answer of this listing';
  return validationFailed([{ pointer: 'cursor', detail, code: 'invalid_cursor' }]);
}
