import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { notFound } from '../../errors/request-errors.js';
import { cursorTime, decodeCursor } from '../../rest/cursor.js';
import { cutPage } from '../../rest/cut-page.js';
import { ProviderRegistry } from '../../storage-providers/provider-registry.js';
import { restoreJson, type RestoreView } from './restore-json.js';
import type { RestoreDto, RestoreQuery } from './restores.dto.js';

/** A restore and the number of its last change. */
export interface ShownRestore {
  readonly restore: RestoreDto;
  readonly version: number;
}

interface Position {
  readonly created_at: string;
  readonly id: string;
}

/** Restores as clients see them, from rows alone. */
@Injectable()
export class RestoreListing {
  constructor(
    private readonly database: DataSource,
    private readonly registry: ProviderRegistry,
  ) {}

  /** @throws RequestError `not_found` */
  async one(userId: number, id: string): Promise<ShownRestore> {
    const [view] = await this.database.query<RestoreView[]>(ONE, [userId, id]);
    if (view === undefined) throw notFound('restore');
    return { restore: this.json(view), version: view.version };
  }

  /** Newest first. */
  async page(
    userId: number,
    { limit, cursor, workspace_id, state }: RestoreQuery,
  ): Promise<{ readonly restores: RestoreDto[]; readonly nextCursor: string | null }> {
    const after = cursor === undefined ? undefined : decodeCursor<Position>(cursor, POSITION);
    const views = await this.database.query<RestoreView[]>(PAGE, [
      userId,
      workspace_id ?? null,
      state ?? null,
      after?.created_at ?? null,
      after?.id ?? null,
      limit + 1,
    ]);
    const { shown, nextCursor } = cutPage(views, limit, (view) => ({
      created_at: view.created_at_text,
      id: view.id,
    }));
    return { restores: shown.map((view) => this.json(view)), nextCursor };
  }

  private json(view: RestoreView): RestoreDto {
    return restoreJson(view, this.registry.byName(view.provider).price);
  }
}

const POSITION = { created_at: 'timestamp', id: 'uuid' } as const;

/** The rate of the user's last 20 restores from the same kind of store that came to their end. */
const SELECT = `WITH measured AS (
    SELECT provider, sum(bytes) / nullif(sum(duration_ms), 0) * 1000 AS bytes_per_second FROM (
      SELECT c.provider, (r.result ->> 'bytes')::float AS bytes, (r.result ->> 'duration_ms')::float AS duration_ms,
          row_number() OVER (PARTITION BY c.provider ORDER BY r.finished_at DESC) AS nth
        FROM restores r JOIN workspaces w ON w.id = r.workspace_id
        JOIN repositories p ON p.id = w.repository_id JOIN cloud_configs c ON c.id = p.cloud_config_id
        WHERE r.user_id = $1 AND r.state = 'succeeded' AND (r.result ->> 'bytes')::float > 0
    ) ended WHERE nth <= 20 GROUP BY provider
  )
  SELECT r.id, r.workspace_id, r.snapshot_id, r.agent_id, r.kind, r.state, r.paths, r.target, r.destination, r.mirror,
    r.starts_by_itself, r.plan, r.progress, r.result, r.error_code, r.error_detail, r.version, r.created_at,
    ${cursorTime('r.created_at')} AS created_at_text,
    r.started_at, r.finished_at, c.provider, m.bytes_per_second AS measured_bytes_per_second
  FROM restores r JOIN workspaces w ON w.id = r.workspace_id
  JOIN repositories p ON p.id = w.repository_id JOIN cloud_configs c ON c.id = p.cloud_config_id
  LEFT JOIN measured m ON m.provider = c.provider`;

const ONE = `${SELECT} WHERE r.user_id = $1 AND r.id = $2`;

const PAGE = `${SELECT} WHERE r.user_id = $1 AND ($2::uuid IS NULL OR r.workspace_id = $2)
    AND ($3::text IS NULL OR r.state = $3) AND ($4::timestamptz IS NULL OR (r.created_at, r.id) < ($4, $5::uuid))
  ORDER BY r.created_at DESC, r.id DESC LIMIT $6`;
