import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type {
  DesiredRestore,
  RequestRestore,
  RestoreDecision,
  RestoreStatus,
} from '../../agent-protocol/messages.js';
import { notFound, validationFailed } from '../../errors/request-errors.js';
import { RestoreSteps } from '../../repositories/restore-steps.service.js';
import { Restore } from '../../repositories/restore.entity.js';
import { AgentNudges } from '../agent-nudges.service.js';
import { tooManyRestores } from '../agents-error.js';
import type { CallingAgent } from '../calling-agents.service.js';

/** Restores of one agent that have not ended. */
const MAX_OPEN_RESTORES = 50;

/** Restores that somebody asks for on the command line of an agent's host, onto that host. */
@Injectable()
export class AskedRestores {
  constructor(
    private readonly database: DataSource,
    private readonly steps: RestoreSteps,
    private readonly nudges: AgentNudges,
  ) {}

  /**
   * Of a workspace that the agent protects, or of any of the user who enrolled it.
   * @throws RequestError `not_found`, `validation_failed`; AgentsError `too_many_restores`
   */
  ask(agent: CallingAgent, wanted: RequestRestore): Promise<DesiredRestore> {
    return this.database.transaction(async (manager) => {
      const userId = await ownerOf(manager, agent, wanted.workspace_id);
      // One at a time for each agent, so that the limit holds.
      await manager.query('SELECT 1 FROM agents WHERE id = $1 FOR NO KEY UPDATE', [agent.id]);
      const open = await manager.query<{ count: number }[]>(COUNT_OPEN, [agent.id]);
      if (open[0]!.count >= MAX_OPEN_RESTORES) throw tooManyRestores(MAX_OPEN_RESTORES);
      const snapshot = await snapshotOf(manager, wanted);
      const { paths, target, destination, mirror } = wanted;
      const what = { paths: [...paths], target, destination, mirror };
      const { id } = await manager.save(Restore, {
        ...what,
        userId,
        workspaceId: wanted.workspace_id,
        snapshotId: snapshot.id,
        snapshotObjectId: snapshot.object_id,
        agentId: agent.id,
        startsByItself: wanted.starts_by_itself,
      });
      await this.nudges.nudge(manager, agent.id);
      const named = { id, workspace_id: wanted.workspace_id, snapshot: snapshot.object_id.toString('hex') };
      return { ...named, phase: 'plan', ...what };
    });
  }

  /** @throws RequestError `not_found` also for a restore onto another host */
  async status(agent: CallingAgent, restoreId: string): Promise<RestoreStatus> {
    const restore = await this.database.manager.findOneBy(Restore, { id: restoreId, agentId: agent.id });
    if (restore === null) throw notFound('restore');
    const { id, state, plan, progress, result, errorCode, errorDetail } = restore;
    return {
      restore_id: id,
      state,
      plan,
      progress,
      result,
      error_code: errorCode,
      error_detail: errorDetail,
    };
  }

  /** @throws RequestError `not_found`; RepositoriesError `restore_state` */
  async decide(agent: CallingAgent, { restore_id, phase }: RestoreDecision): Promise<RestoreStatus> {
    await this.status(agent, restore_id);
    await this.database.transaction(async (manager) => {
      await (phase === 'run'
        ? this.steps.start(manager, restore_id)
        : this.steps.cancel(manager, restore_id));
      await this.nudges.nudge(manager, agent.id);
    });
    return this.status(agent, restore_id);
  }
}

interface FoundSnapshot {
  readonly id: string;
  readonly object_id: Buffer;
}

async function ownerOf(manager: EntityManager, agent: CallingAgent, workspaceId: string): Promise<number> {
  const [workspace] = await manager.query<{ user_id: number }[]>(OWNER, [
    workspaceId,
    agent.id,
    agent.userId,
  ]);
  if (workspace === undefined) throw notFound('workspace');
  return workspace.user_id;
}

async function snapshotOf(manager: EntityManager, wanted: RequestRestore): Promise<FoundSnapshot> {
  const { workspace_id, snapshot } = wanted;
  if (snapshot === undefined) {
    const [newest] = await manager.query<FoundSnapshot[]>(NEWEST, [workspace_id]);
    if (newest === undefined) throw wrongSnapshot('there is none of this workspace yet');
    return newest;
  }
  const found = await manager.query<FoundSnapshot[]>(BY_PREFIX, [workspace_id, snapshot]);
  if (found.length === 1) return found[0]!;
  throw wrongSnapshot(
    found.length === 0 ? 'this workspace has none with this id' : 'several begin so; give more digits',
  );
}

function wrongSnapshot(detail: string) {
  return validationFailed([{ pointer: '/snapshot', detail, code: 'snapshot' }]);
}

const OWNER = `
  SELECT user_id FROM workspaces WHERE id = $1 AND deleted_at IS NULL AND (agent_id = $2 OR user_id = $3)`;

const COUNT_OPEN = 'SELECT count(*)::int AS count FROM restores WHERE agent_id = $1 AND finished_at IS NULL';

const NEWEST = `
  SELECT id, object_id FROM snapshots WHERE workspace_id = $1 AND state = 'restorable'
    ORDER BY received_at DESC, id DESC LIMIT 1`;

/** Two are enough to know that it is not the only one. */
const BY_PREFIX = `
  SELECT id, object_id FROM snapshots
    WHERE workspace_id = $1 AND state = 'restorable' AND starts_with(encode(object_id, 'hex'), $2) LIMIT 2`;
