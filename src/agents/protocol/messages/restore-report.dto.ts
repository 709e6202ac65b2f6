import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsOptional } from 'class-validator';
import type {
  RestorePlan,
  RestoreProgress,
  RestoreReport,
  RestoreResult,
} from '../../../agent-protocol/messages.js';
import { BigCount, Line, MAX_PATH_CHARS, MAX_SENTENCE_CHARS, Nested, Text, Uuid } from './field-rules.js';
import { NamedProblemDto, NamedProblems } from './run-report.dto.js';

const STATES = ['planned', 'running', 'succeeded', 'partial', 'failed', 'cancelled'] as const;

/** What a restore would do: entries, and bytes of file content. */
export class AgentRestorePlanDto implements RestorePlan {
  @BigCount()
  create: number;

  @BigCount()
  overwrite: number;

  @BigCount()
  delete: number;

  @BigCount()
  keep: number;

  /** To be written. */
  @BigCount()
  bytes: number;

  /** To be fetched from the bucket. */
  @BigCount()
  fetch_bytes: number;
}

export class AgentRestoreProgressDto implements RestoreProgress {
  @BigCount()
  files_done: number;

  @BigCount()
  files_total: number;

  @BigCount()
  bytes_done: number;

  @BigCount()
  bytes_total: number;

  @IsOptional()
  @Text(MAX_PATH_CHARS, 'model/weights.bin')
  current_path?: string;

  @BigCount()
  bytes_per_second: number;

  @IsOptional()
  @BigCount()
  remaining_ms?: number;
}

export class AgentRestoreResultDto implements RestoreResult {
  @BigCount()
  files: number;

  @BigCount()
  bytes: number;

  /** All content that was written had its hash. */
  @ApiProperty({ example: true })
  @IsBoolean()
  verified: boolean;

  @BigCount()
  duration_ms: number;

  @NamedProblems()
  failed: NamedProblemDto[];

  @BigCount()
  failed_count: number;

  @NamedProblems()
  refused: NamedProblemDto[];

  @BigCount()
  refused_count: number;
}

/** How far a restore is. */
export class RestoreReportDto implements RestoreReport {
  @Uuid()
  restore_id: string;

  @ApiProperty({ enum: STATES, example: 'running' })
  @IsIn(STATES)
  state: (typeof STATES)[number];

  @IsOptional()
  @Nested(() => AgentRestorePlanDto)
  plan?: AgentRestorePlanDto;

  @IsOptional()
  @Nested(() => AgentRestoreProgressDto)
  progress?: AgentRestoreProgressDto;

  @IsOptional()
  @Nested(() => AgentRestoreResultDto)
  result?: AgentRestoreResultDto;

  @IsOptional()
  @Line(60, 'target_not_empty')
  code?: string;

  @IsOptional()
  @Text(MAX_SENTENCE_CHARS, 'The target is not empty.')
  detail?: string;
}
