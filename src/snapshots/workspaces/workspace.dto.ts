import { ApiExtraModels, ApiProperty } from '@nestjs/swagger';
import { WORKSPACE_HEALTHS, type WorkspaceHealth } from '../../repositories/workspace-health.js';
import { Page } from '../../rest/page.dto.js';
import { PROVIDER_NAMES, type ProviderName } from '../../storage-providers/storage-provider.js';
import type { KeepPolicyJson, KeepPreset } from './keep-policy-json.js';
import { KEEP_POLICY_SCHEMA, KeepRulesDto } from './workspaces.dto.js';

const ID = { format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' } as const;
const MOMENT = { format: 'date-time', example: '2026-11-22T06:52:06.123Z' } as const;
const MAYBE_MOMENT = { type: String, nullable: true, ...MOMENT } as const;
const COUNT = { type: 'integer', minimum: 0, example: 12 } as const;
const MAYBE_COUNT = { ...COUNT, nullable: true } as const;

/** Are we safe, and why? */
export class WorkspaceHealthDto {
  /**
   * `protected`: the newest state is young enough. `waiting`: no run was due yet. `partial`: files are missing.
   * `overdue`: the newest state is too old. `failed`: the last run failed. `locked`: somebody else holds it.
   */
  @ApiProperty({ enum: WORKSPACE_HEALTHS, enumName: 'WorkspaceHealth' })
  state: WorkspaceHealth;

  @ApiProperty(MOMENT)
  since: string;

  /** Why, in a sentence. */
  @ApiProperty({ example: 'The newest state that can be restored is 12 seconds old.' })
  reason: string;

  /** When the next run shall begin; a moment in the past: it is due. Null while paused. */
  @ApiProperty(MAYBE_MOMENT)
  next_run_due_at: string | null;
}

/** How the last run ended. */
export class LastRunDto {
  @ApiProperty(ID)
  run_id: string;

  @ApiProperty({ enum: ['complete', 'partial', 'unchanged', 'failed'], enumName: 'RunStatus' })
  status: 'complete' | 'partial' | 'unchanged' | 'failed';

  @ApiProperty(MOMENT)
  reported_at: string;

  @ApiProperty(COUNT)
  duration_ms: number;

  /** Calls to the provider. */
  @ApiProperty(COUNT)
  provider_requests: number;

  /** `changes`: only what the watcher told of was looked at. */
  @ApiProperty({ enum: ['full', 'changes'], enumName: 'RunWalk' })
  walk: 'full' | 'changes';

  /** Why changes cannot be watched. */
  @ApiProperty({ type: String, nullable: true, example: null })
  watcher_problem: string | null;

  /** Of a failure. */
  @ApiProperty({ type: String, nullable: true, example: null })
  code: string | null;

  @ApiProperty({ type: String, nullable: true, example: null })
  detail: string | null;

  /** Files that could not be read. */
  @ApiProperty(COUNT)
  problem_count: number;
}

/** The newest snapshot that can be restored. */
export class NewestSnapshotDto {
  @ApiProperty(ID)
  id: string;

  @ApiProperty(MOMENT)
  received_at: string;

  @ApiProperty({ example: false })
  is_partial: boolean;

  @ApiProperty(COUNT)
  files: number;

  /** Of all files, before deduplication. */
  @ApiProperty(COUNT)
  size_bytes: number;
}

/** Whether a restore was ever tried. */
export class RestorabilityDto {
  @ApiProperty(MAYBE_MOMENT)
  last_proven_at: string | null;

  @ApiProperty({ example: 'A snapshot was restored and every hash compared 3 hours ago.' })
  sentence: string;
}

/** Since the workspace was made. */
export class WorkspaceCountersDto {
  /** Snapshots in the bucket now. */
  @ApiProperty(COUNT)
  snapshots: number;

  @ApiProperty(COUNT)
  runs: number;

  @ApiProperty(COUNT)
  failed_runs: number;

  /** Did not begin because the one before had not ended. */
  @ApiProperty(COUNT)
  skipped_runs: number;

  /** Changes that only a full walk found; anything but 0 is a fault of the watcher. */
  @ApiProperty(COUNT)
  missed_changes: number;

  /** Calls to the provider by runs. */
  @ApiProperty(COUNT)
  provider_requests: number;

  /** Calls to the provider by thinning out, prunes, checks and drills. */
  @ApiProperty(COUNT)
  maintenance_requests: number;
}

/** The restic repository that its snapshots lie in. */
export class WorkspaceRepositoryDto {
  @ApiProperty(ID)
  id: string;

  @ApiProperty({ enum: PROVIDER_NAMES, enumName: 'ProviderName' })
  provider: ProviderName;

  @ApiProperty({ example: 'my-bucket' })
  bucket_name: string;

  /** Below the prefix of the cloud settings. */
  @ApiProperty({ example: 'repositories/0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  prefix: string;

  /** Of all packs. */
  @ApiProperty(COUNT)
  stored_bytes: number;

  @ApiProperty(MAYBE_MOMENT)
  last_checked_at: string | null;

  /** What the last check found wrong; it stands until the same content was read again. */
  @ApiProperty({ type: String, nullable: true, example: null })
  last_check_problem: string | null;

  /** Why old snapshots could not be thinned out or packs not be removed the last time, or why a check could not be made. */
  @ApiProperty({ type: String, nullable: true, example: null })
  last_maintenance_problem: string | null;

  /** In the bucket, made by other programs; they are kept and never thinned out. */
  @ApiProperty(COUNT)
  foreign_snapshots: number;

  /** Stored by a host that had the workspace before, and read back by nobody yet: maintenance does so after a handover. */
  @ApiProperty(COUNT)
  unproven_packs: number;
}

/** An estimate, never a bill. */
export class CostEstimateDto {
  @ApiProperty({ enum: [true] })
  is_estimate: true;

  /** Of a month as the last days were, in US dollars. */
  @ApiProperty({ type: 'number', minimum: 0, example: 1.27 })
  monthly_usd: number;

  @ApiProperty({ type: 'number', minimum: 0, example: 0.84 })
  storage_usd: number;

  @ApiProperty({ type: 'number', minimum: 0, example: 0.43 })
  requests_usd: number;

  /** When the prices were last looked up. */
  @ApiProperty({ format: 'date', example: '2026-11-22' })
  prices_as_of: string;

  @ApiProperty({
    example: 'By list prices: all requests are taken for writes, free allowances are left out.',
  })
  basis: string;
}

/** A directory on a host that is protected by snapshots. */
@ApiExtraModels(KeepRulesDto)
export class WorkspaceDto {
  @ApiProperty(ID)
  id: string;

  @ApiProperty({ example: 'training-run' })
  name: string;

  @ApiProperty({ example: '/srv/training-run' })
  path: string;

  @ApiProperty(ID)
  agent_id: string;

  @ApiProperty({ example: 'gpu-node-7' })
  agent_name: string;

  @ApiProperty({ type: 'integer', example: 30 })
  interval_seconds: number;

  @ApiProperty({ type: [String], example: ['*.tmp'] })
  excludes: string[];

  @ApiProperty(KEEP_POLICY_SCHEMA)
  keep_policy: KeepPreset | KeepPolicyJson;

  @ApiProperty(MAYBE_COUNT)
  upload_bytes_per_second: number | null;

  @ApiProperty({ example: false })
  paused: boolean;

  @ApiProperty(MOMENT)
  created_at: string;

  @ApiProperty(MAYBE_MOMENT)
  deleted_at: string | null;

  health: WorkspaceHealthDto;

  /** When the directory was last known to be as its newest snapshot: what would be lost now is younger. */
  @ApiProperty(MAYBE_MOMENT)
  last_durable_at: string | null;

  /** Of `last_durable_at`: what would be lost if the host died now. */
  @ApiProperty(MAYBE_COUNT)
  age_seconds: number | null;

  /** What shall be lost at most, in seconds: two intervals. */
  @ApiProperty(COUNT)
  rpo_goal_seconds: number;

  @ApiProperty({ type: LastRunDto, nullable: true })
  last_run: LastRunDto | null;

  @ApiProperty({ type: NewestSnapshotDto, nullable: true })
  newest_snapshot: NewestSnapshotDto | null;

  restorability: RestorabilityDto;

  counters: WorkspaceCountersDto;

  /** On the average of the snapshots that are kept; null while there is none. */
  @ApiProperty({ type: 'number', minimum: 0, nullable: true, example: 3.2 })
  provider_requests_per_snapshot: number | null;

  repository: WorkspaceRepositoryDto;

  cost: CostEstimateDto;
}

export class WorkspacePageDto extends Page {
  @ApiProperty({ type: [WorkspaceDto] })
  data: WorkspaceDto[];
}
