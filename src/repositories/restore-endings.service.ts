import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Notifications } from '../database/notifications.service.js';
import { Webhooks } from '../webhooks/webhooks.service.js';
import { RESTORE_CHANGES_CHANNEL } from './restore-changes.js';
import type { RestoreState } from './restore.entity.js';

/** A restore as a statement that has changed it answers with `CHANGED_RESTORE`. */
export interface ChangedRestore {
  readonly id: string;
  readonly user_id: number;
  readonly workspace_id: string;
  readonly workspace_name: string;
  readonly snapshot_id: string;
  readonly state: RestoreState;
  readonly finished: boolean;
  /** From its start to its end; null: it never began, or has not ended. */
  readonly duration_ms: number | null;
}

/** RETURNING of an UPDATE of restores `r` that joins their workspaces `w`. */
export const CHANGED_RESTORE = `r.id, r.user_id, r.workspace_id, w.name AS workspace_name, r.snapshot_id, r.state,
  r.finished_at IS NOT NULL AS finished, (extract(epoch FROM r.finished_at - r.started_at) * 1000)::float8 AS duration_ms`;

/** Tells whoever watches a restore, and webhooks when it has ended: whoever ended it, and in whatever state it was. */
@Injectable()
export class RestoreEndings {
  constructor(
    private readonly notifications: Notifications,
    private readonly webhooks: Webhooks,
  ) {}

  /** Once the manager's transaction is committed. */
  async tell(manager: EntityManager, changed: ChangedRestore): Promise<void> {
    await this.notifications.notify(manager, RESTORE_CHANGES_CHANNEL, changed.id);
    if (!changed.finished) return;
    const { user_id: userId, workspace_id, workspace_name, snapshot_id, duration_ms } = changed;
    const state = changed.state as 'succeeded' | 'partial' | 'failed' | 'cancelled';
    await this.webhooks.emit(manager, {
      userId,
      type: 'restore.finished',
      data: { workspace_id, workspace_name, restore_id: changed.id, snapshot_id, state, duration_ms },
    });
  }
}
