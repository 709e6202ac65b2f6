import { ApiProperty } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsOptional,
  IsString,
  IsUUID,
  MaxLength,
  ValidateIf,
} from 'class-validator';
import { RESTORE_STATES, type RestoreState } from '../../repositories/restore.entity.js';
import { Page, PageQuery } from '../../rest/page.dto.js';

const ID = { format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' } as const;
const MAYBE_MOMENT = {
  type: String,
  format: 'date-time',
  nullable: true,
  example: '2026-11-22T06:52:06.123Z',
} as const;
const COUNT = { type: 'integer', minimum: 0, example: 1024 } as const;
const MAYBE_COUNT = { ...COUNT, nullable: true } as const;
const MAX_PATHS = 1_000;
/** Longer than any path may be, so that the sentence about paths is told and not one about lengths. */
const MAX_PATH_CHARS = 10_000;
const DESTINATIONS = ['new-directory', 'in-place'] as const;

const IfGiven = () => ValidateIf((_, value) => value !== undefined);

/** What to bring back, and where to. */
export class NewRestoreDto {
  /** This one. */
  @ApiProperty({ ...ID, required: false })
  @IfGiven()
  @IsUUID()
  snapshot_id?: string;

  /** Or the newest of this workspace. */
  @ApiProperty({ format: 'uuid', required: false })
  @IfGiven()
  @IsUUID()
  workspace_id?: string;

  /** On whose host; the workspace's own agent when absent. */
  @ApiProperty({ format: 'uuid', required: false })
  @IfGiven()
  @IsUUID()
  agent_id?: string;

  /** Relative to the workspace, with all that lies in them; empty or absent: everything. */
  @ApiProperty({ type: [String], required: false, maxItems: MAX_PATHS, example: ['src'] })
  @IfGiven()
  @IsArray()
  @ArrayMaxSize(MAX_PATHS)
  @IsString({ each: true })
  @MaxLength(MAX_PATH_CHARS, { each: true })
  paths?: string[];

  /**
   * Absolute, on the agent's host. When absent: a new directory beside the workspace's, or with `in-place` the
   * workspace's own.
   */
  @ApiProperty({ required: false, example: '/srv/training-run-restored' })
  @IfGiven()
  @IsString()
  @MaxLength(MAX_PATH_CHARS)
  target?: string;

  /** `new-directory`: the target must not exist or be empty. `in-place`: what differs is replaced. */
  @ApiProperty({
    enum: DESTINATIONS,
    enumName: 'RestoreDestination',
    required: false,
    default: 'new-directory',
  })
  @IfGiven()
  @IsIn(DESTINATIONS)
  destination?: (typeof DESTINATIONS)[number];

  /** In place only: also delete what the snapshot does not have. */
  @ApiProperty({ required: false, default: false, example: false })
  @IfGiven()
  @IsBoolean()
  mirror?: boolean;

  /** Begin as soon as it is planned, without asking. */
  @ApiProperty({ required: false, default: false, example: false })
  @IfGiven()
  @IsBoolean()
  start?: boolean;

  /** Yes, write into the directory of the workspace itself. Needed for that, and for `mirror`. */
  @ApiProperty({ required: false, default: false, example: false })
  @IfGiven()
  @IsBoolean()
  confirm_in_place?: boolean;
}

export class RestoreIdParams {
  @ApiProperty(ID)
  @IsUUID()
  id: string;
}

export class RestoreQuery extends PageQuery {
  /** Only those of this workspace. */
  @ApiProperty({ format: 'uuid', required: false })
  @IsOptional()
  @IsUUID()
  workspace_id?: string;

  @ApiProperty({ enum: RESTORE_STATES, enumName: 'RestoreState', required: false })
  @IsOptional()
  @IsIn(RESTORE_STATES)
  state?: RestoreState;
}

/** What a restore would do. */
export class RestorePlanDto {
  @ApiProperty(COUNT)
  create: number;

  @ApiProperty(COUNT)
  overwrite: number;

  @ApiProperty(COUNT)
  delete: number;

  @ApiProperty(COUNT)
  keep: number;

  /** Of file content to be written. */
  @ApiProperty(COUNT)
  bytes: number;

  /** To be fetched from the bucket. */
  @ApiProperty(COUNT)
  fetch_bytes: number;

  /** As fast as your last restores from this kind of store; null: there was none. */
  @ApiProperty(MAYBE_COUNT)
  estimated_seconds: number | null;

  /** What the provider charges for what is fetched, by its list price in US dollars: an estimate. */
  @ApiProperty({ type: 'number', minimum: 0, example: 0.12 })
  estimated_egress_usd: number;

  @ApiProperty({ format: 'date', example: '2026-11-22' })
  prices_as_of: string;
}

export class RestoreProgressDto {
  @ApiProperty(COUNT)
  files_done: number;

  @ApiProperty(COUNT)
  files_total: number;

  @ApiProperty(COUNT)
  bytes_done: number;

  @ApiProperty(COUNT)
  bytes_total: number;

  @ApiProperty({ type: String, nullable: true, example: 'src/main.ts' })
  current_path: string | null;

  @ApiProperty(COUNT)
  bytes_per_second: number;

  @ApiProperty(MAYBE_COUNT)
  remaining_ms: number | null;
}

/** An entry that was not restored. */
export class RestoreProblemDto {
  @ApiProperty({ example: 'dev/sda' })
  path: string;

  @ApiProperty({ example: 'devices are not restored' })
  reason: string;
}

export class RestoreResultDto {
  @ApiProperty(COUNT)
  files: number;

  @ApiProperty(COUNT)
  bytes: number;

  /** All content that was written had its hash. */
  @ApiProperty({ example: true })
  verified: boolean;

  @ApiProperty(COUNT)
  duration_ms: number;

  /** Some of those that failed. */
  @ApiProperty({ type: [RestoreProblemDto] })
  failed: RestoreProblemDto[];

  @ApiProperty(COUNT)
  failed_count: number;

  /** Some of those that must not be restored. */
  @ApiProperty({ type: [RestoreProblemDto] })
  refused: RestoreProblemDto[];

  @ApiProperty(COUNT)
  refused_count: number;
}

export class RestoreErrorDto {
  @ApiProperty({ example: 'target_unwritable' })
  code: string;

  @ApiProperty({ example: 'The target /srv/x is not empty.' })
  detail: string;
}

/** A snapshot on its way back to a host. */
export class RestoreDto {
  @ApiProperty(ID)
  id: string;

  @ApiProperty(ID)
  workspace_id: string;

  @ApiProperty(ID)
  snapshot_id: string;

  /** Null for a drill. */
  @ApiProperty({ type: String, nullable: true, ...ID })
  agent_id: string | null;

  /** A `drill` is one that the server rehearses. */
  @ApiProperty({ enum: ['restore', 'drill'], enumName: 'RestoreKind' })
  kind: 'restore' | 'drill';

  /** `planned` waits for a start. `partial`: some entries failed or were refused. */
  @ApiProperty({ enum: RESTORE_STATES, enumName: 'RestoreState' })
  state: RestoreState;

  @ApiProperty({ type: [String], example: [] })
  paths: string[];

  @ApiProperty({ example: '/srv/training-run-restored' })
  target: string;

  @ApiProperty({ enum: DESTINATIONS, enumName: 'RestoreDestination' })
  destination: (typeof DESTINATIONS)[number];

  @ApiProperty({ example: false })
  mirror: boolean;

  @ApiProperty({ example: false })
  starts_by_itself: boolean;

  @ApiProperty({ type: RestorePlanDto, nullable: true })
  plan: RestorePlanDto | null;

  @ApiProperty({ type: RestoreProgressDto, nullable: true })
  progress: RestoreProgressDto | null;

  @ApiProperty({ type: RestoreResultDto, nullable: true })
  result: RestoreResultDto | null;

  @ApiProperty({ type: RestoreErrorDto, nullable: true })
  error: RestoreErrorDto | null;

  /** From the start to the end, measured; null while it runs and when it did not restore anything. */
  @ApiProperty(MAYBE_COUNT)
  rto_ms: number | null;

  @ApiProperty({ format: 'date-time' })
  created_at: string;

  @ApiProperty(MAYBE_MOMENT)
  started_at: string | null;

  @ApiProperty(MAYBE_MOMENT)
  finished_at: string | null;
}

export class RestorePageDto extends Page {
  @ApiProperty({ type: [RestoreDto] })
  data: RestoreDto[];
}
