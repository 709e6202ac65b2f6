import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { AgentNudges } from '../../agents/agent-nudges.service.js';
import { AuditLog, type AuditOrigin } from '../../auth/audit-log.service.js';
import { Clock } from '../../config/clock.js';
import { notFound } from '../../errors/request-errors.js';
import type { Job } from '../../jobs/job.entity.js';
import { Jobs } from '../../jobs/jobs.service.js';
import { SnapshotRow } from '../../repositories/snapshot.entity.js';
import { Workspace } from '../../repositories/workspace.entity.js';
import { decodeCursor } from '../../rest/cursor.js';
import { cutPage } from '../../rest/cut-page.js';
import { lockWorkspace, subjectOf } from '../workspaces/workspaces.service.js';
import type { ChangeSnapshotDto, SnapshotDto, SnapshotQuery } from './snapshot.dto.js';
import { snapshotJson, SNAPSHOT_COLUMNS, type SnapshotView } from './snapshot-json.js';
import { snapshotTiers } from './snapshot-tiers.js';

const TAKE = 'snapshot.take';
/** Tiers are computed of so many newest snapshots of a workspace; a policy that keeps more is shown without. */
const MAX_TIERED = 20_000;

interface Position {
  readonly received_at: string;
  readonly id: string;
}

/** Snapshots as clients see them, from rows alone. */
@Injectable()
export class Snapshots {
  constructor(
    private readonly database: DataSource,
    private readonly jobs: Jobs,
    private readonly nudges: AgentNudges,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** Newest first. @throws RequestError `not_found`, `validation_failed` */
  async page(
    userId: number,
    workspaceId: string,
    query: SnapshotQuery,
  ): Promise<{ readonly snapshots: SnapshotDto[]; readonly nextCursor: string | null }> {
    const workspace = await this.database.manager.findOneBy(Workspace, { id: workspaceId, userId });
    if (workspace === null) throw notFound('workspace');
    const { limit, cursor } = query;
    const after = cursor === undefined ? undefined : decodeCursor<Position>(cursor, POSITION);
    const views = await this.database.query<SnapshotView[]>(PAGE, [
      workspaceId,
      query.protected ?? null,
      query.since ?? null,
      query.until ?? null,
      after?.received_at ?? null,
      after?.id ?? null,
      limit + 1,
    ]);
    const { shown, nextCursor } = cutPage(views, limit, (view) => ({
      received_at: view.received_at_text,
      id: view.id,
    }));
    const tiers = shown.length === 0 ? undefined : await this.tiersOf(workspace);
    return { snapshots: shown.map((view) => snapshotJson(view, tiers?.get(view.id))), nextCursor };
  }

  /** @throws RequestError `not_found` */
  async one(userId: number, id: string): Promise<SnapshotDto> {
    const [view] = await this.database.query<SnapshotView[]>(ONE, [userId, id]);
    if (view === undefined) throw notFound('snapshot');
    const workspace = await this.database.manager.findOneByOrFail(Workspace, { id: view.workspace_id });
    return snapshotJson(view, (await this.tiersOf(workspace)).get(id));
  }

  /** @throws RequestError `not_found` */
  async change(origin: AuditOrigin, userId: number, id: string, wanted: ChangeSnapshotDto): Promise<void> {
    const { is_protected: isProtected, tags } = wanted;
    await this.database.transaction(async (manager) => {
      await lockSnapshot(manager, userId, id);
      const changes = {
        ...(isProtected !== undefined && { isProtected }),
        ...(tags !== undefined && { tags }),
      };
      if (Object.keys(changes).length === 0) return;
      await manager.update(SnapshotRow, { id }, changes);
      await this.audit.record(
        { ...origin, action: 'snapshot.changed', subject: `snapshot:${id}`, details: wanted },
        manager,
      );
    });
  }

  /**
   * Asks the agent for a snapshot now, paused or not. While one is asked for, asking again answers the same job.
   * @throws RequestError `not_found`
   */
  take(userId: number, workspaceId: string): Promise<Job> {
    return this.database.transaction(async (manager) => {
      const workspace = await lockWorkspace(manager, userId, workspaceId);
      const subject = subjectOf(workspaceId);
      const asked = await this.jobs.open(manager, subject, TAKE);
      const current = asked.find(({ id }) => id === workspace.requestedRunId);
      if (current !== undefined) return current;
      const job = await this.jobs.create(manager, { userId, kind: TAKE, subject });
      await manager.update(Workspace, { id: workspaceId }, { requestedRunId: job.id });
      await this.nudges.nudge(manager, workspace.agentId);
      return job;
    });
  }

  private async tiersOf({ id, keepPolicy }: Workspace): Promise<ReadonlyMap<string, string[]>> {
    const rows = await this.database.query<TierRow[]>(ALL_FOR_TIERS, [id, MAX_TIERED]);
    const candidates = rows.map((row) => ({
      id: row.id,
      receivedAtMs: row.received_at.getTime(),
      tags: row.tags,
      protected: row.is_protected,
    }));
    return snapshotTiers(candidates, keepPolicy, this.clock.now());
  }
}

/**
 * A restorable snapshot, locked until the end of the transaction.
 * @throws RequestError `not_found`, for other users' too
 */
export async function lockSnapshot(manager: EntityManager, userId: number, id: string): Promise<SnapshotRow> {
  const snapshot = await manager.findOne(SnapshotRow, {
    where: { id, userId, state: 'restorable' },
    lock: { mode: 'pessimistic_write' },
  });
  if (snapshot === null) throw notFound('snapshot');
  return snapshot;
}

interface TierRow {
  readonly id: string;
  readonly received_at: Date;
  readonly tags: string[];
  readonly is_protected: boolean;
}

const POSITION = { received_at: 'timestamp', id: 'uuid' } as const;

const PAGE = `SELECT ${SNAPSHOT_COLUMNS} FROM snapshots s
  WHERE s.workspace_id = $1 AND s.state = 'restorable' AND ($2::boolean IS NULL OR s.is_protected = $2)
    AND ($3::timestamptz IS NULL OR s.received_at >= $3) AND ($4::timestamptz IS NULL OR s.received_at < $4)
    AND ($5::timestamptz IS NULL OR (s.received_at, s.id) < ($5, $6::uuid))
  ORDER BY s.received_at DESC, s.id DESC LIMIT $7`;

const ONE = `SELECT ${SNAPSHOT_COLUMNS} FROM snapshots s
  WHERE s.user_id = $1 AND s.id = $2 AND s.state = 'restorable'`;

const ALL_FOR_TIERS = `SELECT id, received_at, tags, is_protected FROM snapshots
  WHERE workspace_id = $1 AND state = 'restorable' ORDER BY received_at DESC, id DESC LIMIT $2`;
