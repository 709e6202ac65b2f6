import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { notFound } from '../errors/request-errors.js';
import { restoreState } from './repositories-error.js';
import { CHANGED_RESTORE, type ChangedRestore, RestoreEndings } from './restore-endings.service.js';
import { Restore } from './restore.entity.js';

/**
 * What people decide about a restore; whether they may is asked before. The agent hears of it when it is nudged.
 * @throws RepositoriesError `restore_state` when the restore is in no state for it: nothing has changed then
 */
@Injectable()
export class RestoreSteps {
  constructor(private readonly endings: RestoreEndings) {}

  /** `planned` -> `running` */
  async start(manager: EntityManager, restoreId: string): Promise<void> {
    if ((await this.change(manager, START, restoreId)) > 0) return;
    throw await this.refusal(manager, restoreId, 'It can be started once it is planned, and only once.');
  }

  /** Nobody works on a plan that was shown: it ends at once. Otherwise `cancelling` until the agent has stopped. */
  async cancel(manager: EntityManager, restoreId: string): Promise<void> {
    if ((await this.change(manager, CANCEL, restoreId)) > 0) return;
    throw await this.refusal(manager, restoreId, 'It has ended, or is being cancelled.');
  }

  /** Of an agent that will never work again: what was being cancelled is cancelled, the rest has failed. */
  async giveUp(manager: EntityManager, agentId: string, because: string): Promise<void> {
    await this.change(manager, GIVE_UP, agentId, because);
  }

  /**
   * Ends what is being cancelled on hosts that were not heard of for so long. What such a host still restores it can
   * fetch no more, and it stops as soon as it hears from the server again.
   * @returns how many were ended
   */
  endAbandoned(manager: EntityManager, offlineAfterMs: number): Promise<number> {
    return this.change(manager, END_ABANDONED, offlineAfterMs);
  }

  private async change(manager: EntityManager, statement: string, ...values: unknown[]): Promise<number> {
    const [changed] = await manager.query<[ChangedRestore[], number]>(statement, values);
    for (const restore of changed) await this.endings.tell(manager, restore);
    return changed.length;
  }

  private async refusal(manager: EntityManager, id: string, why: string): Promise<Error> {
    const restore = await manager.findOneBy(Restore, { id });
    return restore === null ? notFound('restore') : restoreState(restore.state, why);
  }
}

const START = `
  UPDATE restores r SET state = 'running', started_at = now(), version = r.version + 1 FROM workspaces w
    WHERE r.id = $1 AND w.id = r.workspace_id AND r.state = 'planned' RETURNING ${CHANGED_RESTORE}`;

const CANCEL = `
  UPDATE restores r SET
      state = CASE r.state WHEN 'planned' THEN 'cancelled' ELSE 'cancelling' END,
      finished_at = CASE r.state WHEN 'planned' THEN now() END,
      version = r.version + 1
    FROM workspaces w
    WHERE r.id = $1 AND w.id = r.workspace_id AND r.state IN ('planning', 'planned', 'running')
    RETURNING ${CHANGED_RESTORE}`;

const GIVE_UP = `
  UPDATE restores r SET
      state = CASE r.state WHEN 'cancelling' THEN 'cancelled' ELSE 'failed' END,
      error_code = CASE r.state WHEN 'cancelling' THEN r.error_code ELSE 'agent_removed' END,
      error_detail = CASE r.state WHEN 'cancelling' THEN r.error_detail ELSE $2 END,
      finished_at = now(), version = r.version + 1
    FROM workspaces w
    WHERE r.agent_id = $1 AND w.id = r.workspace_id AND r.finished_at IS NULL RETURNING ${CHANGED_RESTORE}`;

/** An agent that was only enrolled is as old as its enrolment. */
const END_ABANDONED = `
  UPDATE restores r SET state = 'cancelled', finished_at = now(), version = r.version + 1
    FROM workspaces w, agents a
    WHERE w.id = r.workspace_id AND a.id = r.agent_id AND r.state = 'cancelling'
      AND (a.removed_at IS NOT NULL
        OR coalesce(a.last_seen_at, a.enrolled_at) < now() - $1::float8 * interval '1 millisecond')
    RETURNING ${CHANGED_RESTORE}`;
