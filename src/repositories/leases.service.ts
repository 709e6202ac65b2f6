import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { LeaseGrant, LeaseHold, RepositoryKeys } from '../agent-protocol/messages.js';
import { LEASE_TTL_SECONDS } from '../agent-protocol/protocol.js';
import { Statements } from '../database/statements.js';
import { notFound } from '../errors/request-errors.js';
import type { RepositoryGrant } from '../snapshot-engine/index.js';
import { leaseHeld } from './repositories-error.js';
import { Repositories } from './repositories.service.js';
import { UnprovenPacks } from './unproven-packs.service.js';

/**
 * Who may write a workspace's repository. Fencing numbers grow with each new holder and never repeat; only the
 * database's clock decides whether a lease has expired.
 */
@Injectable()
export class Leases {
  constructor(
    private readonly statements: Statements,
    private readonly repositories: Repositories,
    private readonly unproven: UnprovenPacks,
  ) {}

  /**
   * Gives the lease to the agent that the workspace is assigned to: its own goes on under the same number, an expired
   * one under the next. The answer's `generation` is that of an index which is loaded afterwards, less what is doomed.
   * @throws RequestError `not_found` when this agent has no such workspace; RepositoriesError `lease_held`; and what
   *   opening the repository throws, the lease being the agent's then
   */
  async take(agentId: string, workspaceId: string): Promise<LeaseGrant> {
    const [lease] = await this.statements.query<TakenRow>(TAKE, [workspaceId, agentId, LEASE_TTL_SECONDS]);
    if (lease === undefined) throw await this.refusal(agentId, workspaceId);
    await this.unproven.handOver(lease.repository_id);
    const { repository } = await this.repositories.open(lease.repository_id);
    return {
      workspace_id: workspaceId,
      fencing: Number(lease.fencing),
      ttl_seconds: LEASE_TTL_SECONDS,
      repository: repositoryKeys(repository.grant()),
      ...(await this.stateOf(workspaceId)),
    };
  }

  /** Lets the agent's leases go on for LEASE_TTL_SECONDS. @returns those that do; the others are lost */
  async renew(agentId: string, holds: readonly LeaseHold[]): Promise<LeaseHold[]> {
    if (holds.length === 0) return [];
    const rows = await this.statements.query<{ workspace_id: string; fencing: string }>(RENEW, [
      agentId,
      holds.map((hold) => hold.workspace_id),
      holds.map((hold) => hold.fencing),
      LEASE_TTL_SECONDS,
    ]);
    return rows.map(({ workspace_id, fencing }) => ({ workspace_id, fencing: Number(fencing) }));
  }

  /** Another agent may take it at once. One that is lost already is no error. */
  async release(agentId: string, { workspace_id, fencing }: LeaseHold): Promise<void> {
    await this.statements.query(RELEASE, [workspace_id, agentId, fencing]);
  }

  /** Whoever holds it has lost it when the manager's transaction is committed; the row keeps the fencing number. */
  async end(manager: EntityManager, repositoryId: string): Promise<void> {
    await manager.query('UPDATE leases SET expires_at = clock_timestamp() WHERE repository_id = $1', [
      repositoryId,
    ]);
  }

  private async stateOf(workspaceId: string): Promise<RepositoryState> {
    const [state] = await this.statements.query<RepositoryState>(STATE, [workspaceId]);
    if (state === undefined) throw notFound('workspace');
    return state;
  }

  private async refusal(agentId: string, workspaceId: string): Promise<Error> {
    const [holder] = await this.statements.query<{ expires_in_ms: string | null }>(HOLDER, [
      workspaceId,
      agentId,
    ]);
    if (holder === undefined) return notFound('workspace');
    return leaseHeld(Math.max(1_000, Number(holder.expires_in_ms ?? 0)));
  }
}

/** As they travel to the agent. */
export function repositoryKeys({ masterKey, config }: RepositoryGrant): RepositoryKeys {
  return { master_key: masterKey, config };
}

type RepositoryState = Pick<LeaseGrant, 'generation' | 'doomed' | 'latest_snapshot'>;

interface TakenRow {
  readonly repository_id: string;
  readonly fencing: string;
}

const ASSIGNED = `workspaces w WHERE w.id = $1 AND w.agent_id = $2 AND w.deleted_at IS NULL`;

/** Time is asked anew after a lock was waited for: `now()` is when the statement began. */
const TAKE = {
  name: 'repositories_take_lease',
  text: `INSERT INTO leases AS held (repository_id, agent_id, fencing, expires_at)
    SELECT w.repository_id, w.agent_id, 1, clock_timestamp() + make_interval(secs => $3) FROM ${ASSIGNED}
    ON CONFLICT (repository_id) DO UPDATE SET
      agent_id = excluded.agent_id,
      fencing = held.fencing
        + CASE WHEN held.agent_id = excluded.agent_id AND held.expires_at > clock_timestamp() THEN 0 ELSE 1 END,
      expires_at = clock_timestamp() + make_interval(secs => $3)
    WHERE held.agent_id = excluded.agent_id OR held.expires_at <= clock_timestamp()
    RETURNING repository_id, fencing`,
};

const HOLDER = {
  name: 'repositories_lease_holder',
  text: `SELECT extract(epoch FROM l.expires_at - clock_timestamp()) * 1000 AS expires_in_ms
    FROM (SELECT w.repository_id FROM ${ASSIGNED}) w LEFT JOIN leases l USING (repository_id)`,
};

/** One statement: what is doomed later comes with another generation. */
const STATE = {
  name: 'repositories_lease_state',
  text: `SELECT r.generation,
      ARRAY(SELECT encode(d.id, 'hex') FROM doomed_packs d WHERE d.repository_id = r.id) AS doomed,
      (SELECT encode(s.object_id, 'hex') FROM snapshots s WHERE s.workspace_id = w.id AND s.state = 'restorable'
        ORDER BY s.received_at DESC, s.id DESC LIMIT 1) AS latest_snapshot
    FROM workspaces w JOIN repositories r ON r.id = w.repository_id WHERE w.id = $1`,
};

const RENEW = {
  name: 'repositories_renew_leases',
  text: `UPDATE leases SET expires_at = clock_timestamp() + make_interval(secs => $4)
    FROM unnest($2::uuid[], $3::bigint[]) AS hold (workspace_id, fencing)
      JOIN workspaces w ON w.id = hold.workspace_id
    WHERE leases.repository_id = w.repository_id AND leases.agent_id = $1 AND w.agent_id = $1
      AND w.deleted_at IS NULL AND leases.fencing = hold.fencing AND leases.expires_at > clock_timestamp()
    RETURNING w.id AS workspace_id, leases.fencing`,
};

const RELEASE = {
  name: 'repositories_release_lease',
  text: `UPDATE leases SET expires_at = clock_timestamp() FROM workspaces w
    WHERE leases.repository_id = w.repository_id AND w.id = $1
      AND leases.agent_id = $2 AND leases.fencing = $3 AND leases.expires_at > clock_timestamp()`,
};
