import { ApiProperty } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import type {
  DesiredRestore,
  DesiredState,
  DesiredWorkspace,
  PathBounds,
  SyncRequest,
} from '../../../agent-protocol/messages.js';
import { MAX_SYNC_WAIT_SECONDS } from '../../../agent-protocol/protocol.js';
import { IgnoresUnknownFields } from '../../../rest/unknown-fields.decorator.js';
import { HostDto } from './enrolment.dto.js';
import { Line, wholeNumber } from './field-rules.js';

const uuid = { format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' } as const;

@IgnoresUnknownFields()
export class SyncRequestDto extends HostDto implements SyncRequest {
  /** Of the last answer. Left out: answered at once. */
  @IsOptional()
  @Line(64, '0123456789abcdef0123456789abcdef')
  revision?: string;

  /** How long a change may be waited for. */
  @wholeNumber(0, MAX_SYNC_WAIT_SECONDS)
  wait_seconds: number;
}

export class AgentNameDto {
  @ApiProperty(uuid)
  id: string;

  @ApiProperty({ example: 'gpu-node-7' })
  name: string;
}

/** Of a path on the server's own machine, whose agent serves everybody. */
export class PathBoundsDto implements PathBounds {
  /** Below one of which it must lie, its links resolved; null: anywhere. */
  @ApiProperty({ type: [String], nullable: true, example: ['/srv/workspaces'] })
  roots: string[] | null;

  /** Which it may neither lie in nor hold. */
  @ApiProperty({ type: [String], example: ['/var/lib/stowage'] })
  forbidden: string[];
}

export class DesiredWorkspaceDto implements DesiredWorkspace {
  @ApiProperty(uuid)
  id: string;

  @ApiProperty({ example: 'training-run' })
  name: string;

  @ApiProperty({ example: '/workspace' })
  path: string;

  @ApiProperty({ type: 'integer', example: 30 })
  interval_seconds: number;

  @ApiProperty({ type: [String], example: ['*.tmp'] })
  excludes: string[];

  @ApiProperty({ type: 'integer', nullable: true, example: null })
  upload_bytes_per_second: number | null;

  @ApiProperty({ example: false })
  paused: boolean;

  /** One run, at once, even when paused. */
  @ApiProperty({ type: String, format: 'uuid', nullable: true, example: null })
  requested_run_id: string | null;

  /** Of `path`; absent on other hosts than the server's own. */
  @ApiProperty({ type: PathBoundsDto, required: false })
  bounds?: PathBoundsDto;
}

export class DesiredRestoreDto implements DesiredRestore {
  @ApiProperty(uuid)
  id: string;

  @ApiProperty(uuid)
  workspace_id: string;

  @ApiProperty({ example: 'a3'.repeat(32) })
  snapshot: string;

  @ApiProperty({ enum: ['plan', 'run', 'cancel'], example: 'plan' })
  phase: 'plan' | 'run' | 'cancel';

  @ApiProperty({ type: [String], example: [] })
  paths: string[];

  @ApiProperty({ example: '/restored' })
  target: string;

  @ApiProperty({ enum: ['new-directory', 'in-place'], example: 'new-directory' })
  destination: 'new-directory' | 'in-place';

  @ApiProperty({ example: false })
  mirror: boolean;

  /** Of `target`; absent on other hosts than the server's own. */
  @ApiProperty({ type: PathBoundsDto, required: false })
  bounds?: PathBoundsDto;
}

/** Everything that this agent shall do. */
export class DesiredStateDto implements DesiredState {
  @ApiProperty({ example: '0123456789abcdef0123456789abcdef' })
  revision: string;

  @ApiProperty({ type: AgentNameDto })
  agent: AgentNameDto;

  @ApiProperty({ type: [DesiredWorkspaceDto] })
  workspaces: DesiredWorkspaceDto[];

  @ApiProperty({ type: [DesiredRestoreDto] })
  restores: DesiredRestoreDto[];
}
