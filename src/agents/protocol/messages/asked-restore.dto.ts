import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsOptional, Length, Matches } from 'class-validator';
import type { RequestRestore, RestoreDecision, RestoreStatus } from '../../../agent-protocol/messages.js';
import { IgnoresUnknownFields } from '../../../rest/unknown-fields.decorator.js';
import { MAX_PATH_CHARS, Texts, Uuid } from './field-rules.js';
import { AgentRestorePlanDto, AgentRestoreProgressDto, AgentRestoreResultDto } from './restore-report.dto.js';

const DESTINATIONS = ['new-directory', 'in-place'] as const;
const DECISIONS = ['run', 'cancel'] as const;
const MAX_PATHS = 1_000;

@IgnoresUnknownFields()
export class RequestRestoreDto implements RequestRestore {
  @Uuid()
  workspace_id: string;

  /** Its id, or at least the first eight digits of it. Left out: the newest one. */
  @ApiProperty({ required: false, pattern: '^[0-9a-f]{8,64}$', example: 'a3a3a3a3' })
  @IsOptional()
  @Matches(/^[0-9a-f]{8,64}$/, { message: 'must be 8 to 64 hex digits in lower case' })
  snapshot?: string;

  /** Below the workspace; empty: all of it. */
  @Texts(MAX_PATHS, MAX_PATH_CHARS)
  paths: string[];

  /** Absolute, on the agent’s host. */
  @ApiProperty({ maxLength: MAX_PATH_CHARS, example: '/restored' })
  @Length(1, MAX_PATH_CHARS)
  @Matches(/^\//, { message: 'must be an absolute path' })
  target: string;

  @ApiProperty({ enum: DESTINATIONS, example: 'new-directory' })
  @IsIn(DESTINATIONS)
  destination: (typeof DESTINATIONS)[number];

  @ApiProperty({ example: false })
  @IsBoolean()
  mirror: boolean;

  /** Otherwise a decision is waited for. */
  @ApiProperty({ example: false })
  @IsBoolean()
  starts_by_itself: boolean;
}

@IgnoresUnknownFields()
export class RestoreIdDto {
  @Uuid()
  restore_id: string;
}

@IgnoresUnknownFields()
export class RestoreDecisionDto implements RestoreDecision {
  @Uuid()
  restore_id: string;

  @ApiProperty({ enum: DECISIONS, example: 'run' })
  @IsIn(DECISIONS)
  phase: (typeof DECISIONS)[number];
}

export class RestoreStatusDto implements RestoreStatus {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  restore_id: string;

  @ApiProperty({ example: 'running' })
  state: string;

  @ApiProperty({ type: AgentRestorePlanDto, nullable: true })
  plan: AgentRestorePlanDto | null;

  @ApiProperty({ type: AgentRestoreProgressDto, nullable: true })
  progress: AgentRestoreProgressDto | null;

  @ApiProperty({ type: AgentRestoreResultDto, nullable: true })
  result: AgentRestoreResultDto | null;

  @ApiProperty({ type: String, nullable: true, example: null })
  error_code: string | null;

  @ApiProperty({ type: String, nullable: true, example: null })
  error_detail: string | null;
}
