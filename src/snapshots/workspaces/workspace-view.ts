import type { RunReport } from '../../agent-protocol/messages.js';
import type { WorkspaceHealth } from '../../repositories/workspace-health.js';
import { SUSPECTS } from '../../repositories/unproven-packs.service.js';
import { cursorTime } from '../../rest/cursor.js';
import type { KeepPolicy } from '../../snapshot-engine/index.js';
import type { ProviderName } from '../../storage-providers/storage-provider.js';
import type { HealthFacts } from './judge-health.js';

/** Of a workspace what its health depends on, as PostgreSQL gives it. */
export interface HealthRow {
  readonly id: string;
  readonly user_id: number;
  readonly name: string;
  readonly paused: boolean;
  readonly interval_seconds: number;
  readonly active_since: Date;
  readonly last_durable_at: Date | null;
  readonly last_run: RunReport | null;
  readonly health: WorkspaceHealth;
  readonly health_since: Date;
  readonly agent_name: string;
  readonly agent_last_seen_at: Date | null;
  readonly newest_is_partial: boolean | null;
  readonly last_check_problem: string | null;
  readonly last_maintenance_problem: string | null;
  readonly maintenance_doubt: boolean;
}

/** A workspace with everything that an answer shows of it. BIGINTs are texts. */
export interface WorkspaceView extends HealthRow {
  readonly agent_id: string;
  readonly repository_id: string;
  readonly path: string;
  readonly excludes: string[];
  readonly keep_policy: KeepPolicy;
  readonly upload_bytes_per_second: string | null;
  readonly version: number;
  readonly created_at: Date;
  /** With microseconds, for cursors. */
  readonly created_at_text: string;
  readonly deleted_at: Date | null;
  readonly last_run_at: Date | null;
  readonly runs: string;
  readonly failed_runs: string;
  readonly skipped_runs: string;
  readonly missed_changes: string;
  readonly provider_requests: string;
  readonly last_proven_at: Date | null;
  readonly newest_id: string | null;
  readonly newest_received_at: Date | null;
  readonly newest_files: string | null;
  readonly newest_size_bytes: string | null;
  readonly snapshot_count: string;
  readonly requests_per_snapshot: number | null;
  readonly repository_prefix: string;
  readonly stored_bytes: string;
  readonly last_checked_at: Date | null;
  readonly foreign_snapshots: number;
  readonly maintenance_requests: string;
  readonly unproven_packs: number;
  readonly provider: ProviderName;
  readonly bucket_name: string;
}

export const HEALTH_COLUMNS = `w.id, w.user_id, w.name, w.paused, w.interval_seconds, w.active_since,
  w.last_durable_at, w.last_run, w.health, w.health_since, a.name AS agent_name,
  a.last_seen_at AS agent_last_seen_at, newest.is_partial AS newest_is_partial,
  r.last_check_problem, r.last_maintenance_problem, r.maintenance_doubt`;

export const HEALTH_SOURCES = `workspaces w JOIN agents a ON a.id = w.agent_id JOIN repositories r ON r.id = w.repository_id
  LEFT JOIN LATERAL (
    SELECT id, received_at, is_partial, files, size_bytes FROM snapshots s
      WHERE s.workspace_id = w.id AND s.state = 'restorable' ORDER BY s.received_at DESC, s.id DESC LIMIT 1
  ) newest ON true`;

/** To be followed by WHERE. */
export const SELECT_WORKSPACES = `SELECT ${HEALTH_COLUMNS}, w.agent_id, w.repository_id, w.path, w.excludes,
    w.keep_policy, w.upload_bytes_per_second, w.version, w.created_at, w.deleted_at, w.last_run_at, w.runs,
    ${cursorTime('w.created_at')} AS created_at_text,
    w.failed_runs, w.skipped_runs, w.missed_changes, w.provider_requests, w.last_proven_at,
    newest.id AS newest_id, newest.received_at AS newest_received_at, newest.files AS newest_files,
    newest.size_bytes AS newest_size_bytes, held.snapshot_count, held.requests_per_snapshot,
    r.prefix AS repository_prefix, r.stored_bytes, r.last_checked_at, r.foreign_snapshots, r.maintenance_requests,
    (SELECT count(*)::integer ${SUSPECTS} AND u.repository_id = r.id) AS unproven_packs,
    c.provider, c.bucket_name
  FROM ${HEALTH_SOURCES}
  JOIN cloud_configs c ON c.id = r.cloud_config_id
  LEFT JOIN LATERAL (
    SELECT count(*) AS snapshot_count, avg(s.provider_requests)::float AS requests_per_snapshot FROM snapshots s
      WHERE s.workspace_id = w.id AND s.state = 'restorable'
  ) held ON true`;

export function healthFacts(row: HealthRow): HealthFacts {
  return {
    paused: row.paused,
    intervalSeconds: row.interval_seconds,
    activeSinceMs: row.active_since.getTime(),
    lastDurableAtMs: row.last_durable_at?.getTime(),
    lastRun: row.last_run ?? undefined,
    isPartial: row.newest_is_partial ?? false,
    agentName: row.agent_name,
    agentLastSeenAtMs: row.agent_last_seen_at?.getTime(),
    ...repositoryFacts(row),
  };
}

/** What a check found stands until it is gone; what maintenance merely waits for endangers nothing. */
function repositoryFacts(row: HealthRow): Pick<HealthFacts, 'damage' | 'upkeepProblem'> {
  const { last_check_problem, last_maintenance_problem, maintenance_doubt } = row;
  const damage = last_check_problem ?? (maintenance_doubt ? last_maintenance_problem : null);
  return { damage: damage ?? undefined, upkeepProblem: last_maintenance_problem ?? undefined };
}
