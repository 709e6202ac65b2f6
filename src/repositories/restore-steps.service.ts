import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Notifications } from '../database/notifications.service.js';
import { RESTORE_CHANGES_CHANNEL } from './restore-changes.js';

/**
 * What people decide about a restore; whether they may is asked before. The agent hears of it when it is nudged.
 * Each answers whether the restore was in a state for it: if not, nothing has changed.
 */
@Injectable()
export class RestoreSteps {
  constructor(private readonly notifications: Notifications) {}

  /** `planned` -> `running` */
  start(manager: EntityManager, restoreId: string): Promise<boolean> {
    return this.change(manager, START, restoreId);
  }

  /** Nobody works on a plan that was shown: it ends at once. Otherwise `cancelling` until the agent has stopped. */
  cancel(manager: EntityManager, restoreId: string): Promise<boolean> {
    return this.change(manager, CANCEL, restoreId);
  }

  private async change(manager: EntityManager, statement: string, restoreId: string): Promise<boolean> {
    const [changed] = await manager.query<[unknown[], number]>(statement, [restoreId]);
    if (changed.length === 0) return false;
    await this.notifications.notify(manager, RESTORE_CHANGES_CHANNEL, restoreId);
    return true;
  }
}

const START = `
  UPDATE restores SET state = 'running', started_at = now(), version = version + 1
    WHERE id = $1 AND state = 'planned' RETURNING id`;

const CANCEL = `
  UPDATE restores SET
      state = CASE state WHEN 'planned' THEN 'cancelled' ELSE 'cancelling' END,
      finished_at = CASE state WHEN 'planned' THEN now() END,
      version = version + 1
    WHERE id = $1 AND state IN ('planning', 'planned', 'running') RETURNING id`;
