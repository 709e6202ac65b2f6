import { ApiProperty } from '@nestjs/swagger';
import { Transform, type TransformFnParams } from 'class-transformer';
import { IsBoolean, IsInt, IsUUID, Matches, Max, Min } from 'class-validator';
import { Page } from '../rest/page.dto.js';

/** Something to see, no control characters. */
const AGENT_NAME = /^(?=.*\S)[^\p{Cc}\p{Cs}]{1,100}$/u;
const AGENT_NAME_RULE = {
  message: 'must be 1 to 100 characters, not only blanks, without line breaks and control characters',
};

const MIN_TOKEN_SECONDS = 60;
const DEFAULT_TOKEN_SECONDS = 3_600;
const MAX_TOKEN_SECONDS = 7 * 24 * 3_600;

const toBoolean = ({ value }: TransformFnParams): unknown =>
  value === 'true' ? true : value === 'false' ? false : value;

export const AGENT_STATES = ['online', 'offline'] as const;

/** The process on a host that reads and writes workspaces there. */
export class AgentDto {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  id: string;

  @ApiProperty({ example: 'gpu-node-7' })
  name: string;

  /** `offline`: not heard of for a minute. */
  @ApiProperty({ enum: AGENT_STATES, example: 'online' })
  state: (typeof AGENT_STATES)[number];

  /** Some seconds late. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-11-22T07:00:00.000Z' })
  last_seen_at: string | null;

  /** As the host calls itself. */
  @ApiProperty({ example: 'ip-10-0-3-17' })
  hostname: string;

  /** Operating system and architecture. */
  @ApiProperty({ example: 'linux x64' })
  platform: string;

  /** Release of the agent’s program. */
  @ApiProperty({ example: '0.1.0' })
  version: string;

  /** The one that the server runs on its own machine. It serves every user. */
  @ApiProperty({ example: false })
  is_embedded: boolean;

  /** How many workspaces it protects. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 2 })
  workspaces: number;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T06:52:06.123Z' })
  enrolled_at: string;
}

export class AgentPageDto extends Page {
  @ApiProperty({ type: [AgentDto] })
  data: AgentDto[];
}

export class AgentIdParams {
  @ApiProperty({ format: 'uuid' })
  @IsUUID()
  id: string;
}

export class AgentRemovalQuery {
  /** Although it protects workspaces: its host is lost, or nobody trusts it any more. */
  @ApiProperty({ type: 'boolean', required: false, default: false })
  @Transform(toBoolean)
  @IsBoolean()
  force: boolean = false;
}

export class AgentTokenDto {
  /** How long the token can be used. */
  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: MIN_TOKEN_SECONDS,
    maximum: MAX_TOKEN_SECONDS,
    default: DEFAULT_TOKEN_SECONDS,
    example: DEFAULT_TOKEN_SECONDS,
  })
  @IsInt()
  @Min(MIN_TOKEN_SECONDS)
  @Max(MAX_TOKEN_SECONDS)
  expires_in_seconds: number = DEFAULT_TOKEN_SECONDS;
}

export class NewEnrolmentTokenDto extends AgentTokenDto {
  /** What the agent will be called; none of your agents may have this name. */
  @ApiProperty({ minLength: 1, maxLength: 100, example: 'gpu-node-7' })
  @Matches(AGENT_NAME, AGENT_NAME_RULE)
  name: string;
}

export class EnrolmentTokenDto {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  id: string;

  /** Good for one enrolment. It is shown this once and cannot be shown again. */
  @ApiProperty({ example: 'stw_enrol_000000000000000000000000000000…' })
  token: string;

  /** Of the agent that it makes. */
  @ApiProperty({ example: 'gpu-node-7' })
  name: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T07:52:06.123Z' })
  expires_at: string;

  /** For a shell of the host, one after the other. */
  @ApiProperty({
    type: [String],
    example: [
      "printf %s 'stw_enrol_…' | stowage-agent enrol --server https://stowage.example.org --token-file -",
      'stowage-agent install',
    ],
  })
  commands: string[];
}
