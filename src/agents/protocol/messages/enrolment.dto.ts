import { ApiProperty } from '@nestjs/swagger';
import type { EnrolAnswer, EnrolRequest } from '../../../agent-protocol/messages.js';
import { IsOptional } from 'class-validator';
import { IgnoresUnknownFields } from '../../../rest/unknown-fields.decorator.js';
import { MAX_TOKEN_CHARS } from '../../enrolment-token.js';
import { Line, Text } from './field-rules.js';

/** What a host says about itself. */
export class HostDto {
  @Line(255, 'ip-10-0-3-17')
  hostname: string;

  /** Operating system and architecture. */
  @Line(60, 'linux x64')
  platform: string;

  @Line(40, '0.1.0')
  program_version: string;
}

@IgnoresUnknownFields()
export class EnrolRequestDto extends HostDto implements EnrolRequest {
  @Text(MAX_TOKEN_CHARS, 'stw_enrol_000000000000000000000000000000…')
  token: string;

  /** Made by the host itself; enrolling again with it and the same token is answered again. */
  @IsOptional()
  @Text(MAX_TOKEN_CHARS, 'stw_agent_000000000000000000000000000000…')
  api_key?: string;
}

export class EnrolAnswerDto implements EnrolAnswer {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  agent_id: string;

  @ApiProperty({ example: 'gpu-node-7' })
  name: string;

  /** The agent’s own key, with the scope `agent`. Shown this once. */
  @ApiProperty({ example: 'stw_agent_000000000000000000000000000000…' })
  api_key: string;
}
