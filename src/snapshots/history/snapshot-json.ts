import type { NamedProblem } from '../../agent-protocol/messages.js';
import { cursorTime } from '../../rest/cursor.js';
import type { SnapshotDto } from './snapshot.dto.js';

/** As PostgreSQL gives it: BIGINTs are texts. */
export interface SnapshotView {
  readonly id: string;
  readonly workspace_id: string;
  readonly restic_id: string;
  readonly received_at: Date;
  /** With microseconds, for cursors. */
  readonly received_at_text: string;
  readonly started_at: Date;
  readonly duration_ms: number;
  readonly agent_id: string;
  readonly files: string;
  readonly directories: string;
  readonly size_bytes: string;
  readonly stored_bytes: string;
  readonly provider_requests: number;
  readonly is_partial: boolean;
  readonly problem_count: number;
  readonly problems: NamedProblem[];
  readonly is_protected: boolean;
  readonly tags: string[];
  readonly last_proven_at: Date | null;
}

/** Of `snapshots s`. */
export const SNAPSHOT_COLUMNS = `s.id, s.workspace_id, encode(s.object_id, 'hex') AS restic_id, s.received_at,
  ${cursorTime('s.received_at')} AS received_at_text, s.started_at,
  s.duration_ms, s.agent_id, s.files, s.directories, s.size_bytes, s.stored_bytes, s.provider_requests, s.is_partial,
  s.problem_count, s.problems, s.is_protected, s.tags, s.last_proven_at`;

export function snapshotJson(view: SnapshotView, tiers: string[] | undefined): SnapshotDto {
  return {
    id: view.id,
    workspace_id: view.workspace_id,
    restic_id: view.restic_id,
    received_at: view.received_at.toISOString(),
    started_at: view.started_at.toISOString(),
    duration_ms: view.duration_ms,
    agent_id: view.agent_id,
    files: Number(view.files),
    directories: Number(view.directories),
    size_bytes: Number(view.size_bytes),
    stored_bytes: Number(view.stored_bytes),
    provider_requests: view.provider_requests,
    is_partial: view.is_partial,
    problem_count: view.problem_count,
    problems: view.problems.map(({ path, reason }) => ({ path, reason })),
    is_protected: view.is_protected,
    tags: view.tags,
    tiers: tiers ?? null,
    last_proven_at: view.last_proven_at?.toISOString() ?? null,
  };
}
