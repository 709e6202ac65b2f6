import type { RestorePlan, RestoreProgress, RestoreResult } from '../../agent-protocol/messages.js';
import type { RestoreState } from '../../repositories/restore.entity.js';
import type { ProviderName, ProviderPrice } from '../../storage-providers/storage-provider.js';
import type { RestoreDto, RestorePlanDto, RestoreProgressDto } from './restores.dto.js';

/** A restore as PostgreSQL gives it, with what its estimates need. */
export interface RestoreView {
  readonly id: string;
  readonly workspace_id: string;
  readonly snapshot_id: string;
  readonly agent_id: string | null;
  readonly kind: 'restore' | 'drill';
  readonly state: RestoreState;
  readonly paths: string[];
  readonly target: string;
  readonly destination: 'new-directory' | 'in-place';
  readonly mirror: boolean;
  readonly starts_by_itself: boolean;
  readonly plan: RestorePlan | null;
  readonly progress: RestoreProgress | null;
  readonly result: RestoreResult | null;
  readonly error_code: string | null;
  readonly error_detail: string | null;
  readonly version: number;
  readonly created_at: Date;
  /** With microseconds, for cursors. */
  readonly created_at_text: string;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly provider: ProviderName;
  /** Of the user's last restores from such a store. */
  readonly measured_bytes_per_second: number | null;
}

const GB = 1e9;
const RESTORED: ReadonlySet<RestoreState> = new Set(['succeeded', 'partial']);

/** @param price of the provider that the snapshot lies with */
export function restoreJson(view: RestoreView, price: ProviderPrice): RestoreDto {
  return {
    id: view.id,
    workspace_id: view.workspace_id,
    snapshot_id: view.snapshot_id,
    agent_id: view.agent_id,
    kind: view.kind,
    state: view.state,
    paths: view.paths,
    target: view.target,
    destination: view.destination,
    mirror: view.mirror,
    starts_by_itself: view.starts_by_itself,
    plan: view.plan && planJson(view.plan, view.measured_bytes_per_second, price),
    progress: view.progress && progressJson(view.progress),
    result: view.result && {
      ...view.result,
      failed: [...view.result.failed],
      refused: [...view.result.refused],
    },
    error: view.error_code === null ? null : { code: view.error_code, detail: view.error_detail ?? '' },
    rto_ms: rtoMs(view),
    created_at: view.created_at.toISOString(),
    started_at: view.started_at?.toISOString() ?? null,
    finished_at: view.finished_at?.toISOString() ?? null,
  };
}

function planJson(plan: RestorePlan, bytesPerSecond: number | null, price: ProviderPrice): RestorePlanDto {
  const egressUsd = (plan.fetch_bytes / GB) * price.egressUsdPerGb;
  return {
    create: plan.create,
    overwrite: plan.overwrite,
    delete: plan.delete,
    keep: plan.keep,
    bytes: plan.bytes,
    fetch_bytes: plan.fetch_bytes,
    estimated_seconds: bytesPerSecond === null ? null : Math.ceil(plan.bytes / Math.max(1, bytesPerSecond)),
    estimated_egress_usd: Math.round(egressUsd * 10_000) / 10_000,
    prices_as_of: price.asOf,
  };
}

function progressJson({ current_path, remaining_ms, ...counts }: RestoreProgress): RestoreProgressDto {
  return { ...counts, current_path: current_path ?? null, remaining_ms: remaining_ms ?? null };
}

function rtoMs({ state, started_at, finished_at }: RestoreView): number | null {
  if (!RESTORED.has(state) || started_at === null || finished_at === null) return null;
  return finished_at.getTime() - started_at.getTime();
}
