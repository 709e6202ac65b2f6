import type { ProviderPrice } from '../../storage-providers/storage-provider.js';
import { estimateCost } from './cost-estimate.js';
import { judgeHealth } from './judge-health.js';
import { keepPolicyJson } from './keep-policy-json.js';
import { restorabilitySentence } from './restorability.js';
import type { LastRunDto, WorkspaceDto, WorkspaceHealthDto } from './workspace.dto.js';
import { healthFacts, type WorkspaceView } from './workspace-view.js';

/** What a client sees of a workspace. @param price of the provider that its repository lies with */
export function workspaceJson(view: WorkspaceView, price: ProviderPrice, nowMs: number): WorkspaceDto {
  return {
    id: view.id,
    name: view.name,
    path: view.path,
    agent_id: view.agent_id,
    agent_name: view.agent_name,
    interval_seconds: view.interval_seconds,
    excludes: view.excludes,
    keep_policy: keepPolicyJson(view.keep_policy),
    upload_bytes_per_second: maybeNumber(view.upload_bytes_per_second),
    paused: view.paused,
    created_at: view.created_at.toISOString(),
    deleted_at: moment(view.deleted_at),
    health: healthJson(view, nowMs),
    last_durable_at: moment(view.last_durable_at),
    age_seconds: ageSeconds(view.last_durable_at, nowMs),
    rpo_goal_seconds: 2 * view.interval_seconds,
    last_run: lastRunJson(view),
    newest_snapshot: newestJson(view),
    restorability: {
      last_proven_at: moment(view.last_proven_at),
      sentence: restorabilitySentence(view.last_proven_at?.getTime(), nowMs),
    },
    counters: {
      snapshots: Number(view.snapshot_count),
      runs: Number(view.runs),
      failed_runs: Number(view.failed_runs),
      skipped_runs: Number(view.skipped_runs),
      missed_changes: Number(view.missed_changes),
      provider_requests: Number(view.provider_requests),
      maintenance_requests: Number(view.maintenance_requests),
    },
    provider_requests_per_snapshot: oneDecimal(view.requests_per_snapshot),
    repository: repositoryJson(view),
    cost: estimateCost(price, {
      storedBytes: Number(view.stored_bytes),
      providerRequests: Number(view.provider_requests),
      maintenanceRequests: Number(view.maintenance_requests),
      periodMs: nowMs - view.created_at.getTime(),
    }),
  };
}

function healthJson(view: WorkspaceView, nowMs: number): WorkspaceHealthDto {
  const { state, reason, sinceMs } = judgeHealth(healthFacts(view), nowMs);
  const since = state === view.health ? view.health_since : new Date(sinceMs ?? nowMs);
  return { state, since: since.toISOString(), reason, next_run_due_at: nextRunDueAt(view) };
}

/** On the agent's grid: an interval after the beginning of the run before. */
function nextRunDueAt({ paused, deleted_at, last_run, last_run_at, ...view }: WorkspaceView): string | null {
  if (paused || deleted_at !== null) return null;
  if (last_run === null || last_run_at === null) return view.active_since.toISOString();
  const startedMs = last_run_at.getTime() - last_run.started_ms_ago;
  return new Date(startedMs + view.interval_seconds * 1_000).toISOString();
}

function lastRunJson({ last_run, last_run_at }: WorkspaceView): LastRunDto | null {
  if (last_run === null || last_run_at === null) return null;
  return {
    run_id: last_run.run_id,
    status: last_run.status,
    reported_at: last_run_at.toISOString(),
    duration_ms: last_run.duration_ms,
    provider_requests: last_run.requests,
    walk: last_run.walk,
    watcher_problem: last_run.watcher_problem ?? null,
    code: last_run.code ?? null,
    detail: last_run.detail ?? null,
    problem_count: last_run.problem_count,
  };
}

function newestJson(view: WorkspaceView): WorkspaceDto['newest_snapshot'] {
  if (view.newest_id === null) return null;
  return {
    id: view.newest_id,
    received_at: view.newest_received_at!.toISOString(),
    is_partial: view.newest_is_partial!,
    files: Number(view.newest_files),
    size_bytes: Number(view.newest_size_bytes),
  };
}

function repositoryJson(view: WorkspaceView): WorkspaceDto['repository'] {
  return {
    id: view.repository_id,
    provider: view.provider,
    bucket_name: view.bucket_name,
    prefix: view.repository_prefix,
    stored_bytes: Number(view.stored_bytes),
    last_checked_at: moment(view.last_checked_at),
    last_check_problem: view.last_check_problem,
    last_maintenance_problem: view.last_maintenance_problem,
    foreign_snapshots: view.foreign_snapshots,
    unproven_packs: view.unproven_packs,
  };
}

function ageSeconds(at: Date | null, nowMs: number): number | null {
  return at === null ? null : Math.max(0, Math.floor((nowMs - at.getTime()) / 1_000));
}

function moment(at: Date | null): string | null {
  return at?.toISOString() ?? null;
}

function maybeNumber(text: string | null): number | null {
  return text === null ? null : Number(text);
}

function oneDecimal(value: number | null): number | null {
  return value === null ? null : Math.round(value * 10) / 10;
}
