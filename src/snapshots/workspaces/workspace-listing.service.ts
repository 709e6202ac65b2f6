import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../config/clock.js';
import { notFound } from '../../errors/request-errors.js';
import { decodeCursor } from '../../rest/cursor.js';
import { cutPage } from '../../rest/cut-page.js';
import { ProviderRegistry } from '../../storage-providers/provider-registry.js';
import type { WorkspaceDto } from './workspace.dto.js';
import { workspaceJson } from './workspace-json.js';
import { SELECT_WORKSPACES, type WorkspaceView } from './workspace-view.js';
import type { WorkspaceQuery } from './workspaces.dto.js';

interface Position {
  readonly created_at: string;
  readonly id: string;
}

/** Workspaces as clients see them, from rows alone. */
@Injectable()
export class WorkspaceListing {
  constructor(
    private readonly database: DataSource,
    private readonly registry: ProviderRegistry,
    private readonly clock: Clock,
  ) {}

  /** Deleted ones too. @throws RequestError `not_found` */
  async one(
    userId: number,
    id: string,
  ): Promise<{ readonly workspace: WorkspaceDto; readonly version: number }> {
    const [view] = await this.database.query<WorkspaceView[]>(
      `${SELECT_WORKSPACES} WHERE w.user_id = $1 AND w.id = $2`,
      [userId, id],
    );
    if (view === undefined) throw notFound('workspace');
    return { workspace: this.json(view), version: view.version };
  }

  /** In the order in which they were made. */
  async page(
    userId: number,
    { limit, cursor, deleted, agent_id }: WorkspaceQuery,
  ): Promise<{ readonly workspaces: WorkspaceDto[]; readonly nextCursor: string | null }> {
    const after = cursor === undefined ? undefined : decodeCursor<Position>(cursor, POSITION);
    const views = await this.database.query<WorkspaceView[]>(PAGE, [
      userId,
      deleted,
      agent_id ?? null,
      after?.created_at ?? null,
      after?.id ?? null,
      limit + 1,
    ]);
    const { shown, nextCursor } = cutPage(views, limit, (view) => ({
      created_at: view.created_at_text,
      id: view.id,
    }));
    return { workspaces: shown.map((view) => this.json(view)), nextCursor };
  }

  private json(view: WorkspaceView): WorkspaceDto {
    return workspaceJson(view, this.registry.byName(view.provider).price, this.clock.now());
  }
}

const POSITION = { created_at: 'timestamp', id: 'uuid' } as const;

const PAGE = `${SELECT_WORKSPACES}
  WHERE w.user_id = $1 AND (w.deleted_at IS NOT NULL) = $2 AND ($3::uuid IS NULL OR w.agent_id = $3)
    AND ($4::timestamptz IS NULL OR (w.created_at, w.id) > ($4, $5::uuid))
  ORDER BY w.created_at, w.id LIMIT $6`;
