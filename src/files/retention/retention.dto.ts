import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsISO8601, Max, Min, ValidateIf } from 'class-validator';
import { toInteger } from '../../rest/page.dto.js';
import { MAX_RETENTION_DAYS } from '../../sync-settings/sync-settings.js';
import { RETENTION_STATES, type RetentionStateName } from './retention-state.entity.js';

const days = { type: 'integer', minimum: 1, maximum: MAX_RETENTION_DAYS, example: 365 } as const;
const moment = { format: 'date-time', example: '2025-11-22T06:52:06.123Z' } as const;
const count = { type: 'integer', minimum: 0, example: 1200 } as const;

/** What waits for a confirmation. */
export class RetentionPlanDto {
  @ApiProperty(count)
  files: number;

  @ApiProperty(count)
  bytes: number;

  /** Files that were uploaded before this would go. */
  @ApiProperty(moment)
  cutoff: string;
}

/** How far retention is with your files. */
export class RetentionDto {
  /** `retention_days` of your sync settings. */
  @ApiProperty(days)
  retention_days: number;

  /** `asking`: more would go than goes unasked. `locked`: a bucket is in doubt or cannot be reached. */
  @ApiProperty({ enum: RETENTION_STATES, enumName: 'RetentionState' })
  state: RetentionStateName;

  /** Why, in a sentence to act on. */
  @ApiProperty({ type: String, nullable: true, example: null })
  detail: string | null;

  @ApiProperty({ type: RetentionPlanDto, nullable: true })
  plan: RetentionPlanDto | null;

  /** Whether the plan is confirmed and waits for its run, which comes within minutes. */
  @ApiProperty({ example: false })
  confirmed: boolean;

  @ApiProperty({ type: String, nullable: true, ...moment })
  checked_at: string | null;

  @ApiProperty(count)
  last_trashed_files: number;

  @ApiProperty({ type: String, nullable: true, ...moment })
  last_trashed_at: string | null;
}

export class RetentionPreviewQuery {
  /** Your present setting when absent. */
  @ApiProperty({ ...days, required: false })
  @ValidateIf((_, value) => value !== undefined)
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(MAX_RETENTION_DAYS)
  retention_days?: number;
}

export class AgedFileDto {
  @ApiProperty({ type: 'integer', minimum: 1, example: 4217 })
  id: number;

  @ApiProperty({ example: 'q3-report.pdf' })
  filename: string;

  @ApiProperty({ example: 'reports/2025/' })
  folder: string;

  @ApiProperty({ ...count, example: 482133 })
  file_size: number;

  @ApiProperty(moment)
  uploaded_at: string;
}

/** What a setting would put into the trash now. */
export class RetentionPreviewDto {
  @ApiProperty(days)
  retention_days: number;

  /** Files that were uploaded before this are too old. */
  @ApiProperty(moment)
  cutoff: string;

  /** Without those that are protected. */
  @ApiProperty(count)
  files: number;

  @ApiProperty(count)
  bytes: number;

  /** More than `allowed_files` go only when you confirm it. */
  @ApiProperty({ example: false })
  needs_confirmation: boolean;

  @ApiProperty({ ...count, example: 1000 })
  allowed_files: number;

  /** The oldest of them, at most 50. */
  @ApiProperty({ type: [AgedFileDto] })
  data: AgedFileDto[];
}

/** The plan that is confirmed, as GET /api/v1/retention shows it. */
export class ConfirmRetentionDto {
  @ApiProperty({ ...count, minimum: 1 })
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  files: number;

  @ApiProperty(moment)
  @IsISO8601({ strict: true, strictSeparator: true })
  cutoff: string;
}
