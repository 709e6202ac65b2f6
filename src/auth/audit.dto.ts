import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import { Page, PageQuery, toInteger } from '../rest/page.dto.js';
import { MAX_USER_ID } from './limits.js';

/** A privileged act. */
export class AuditEntryDto {
  @ApiProperty({ type: 'integer', example: 42 })
  id: number;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T06:52:06.123Z' })
  at: string;

  /** Who did it; null: the operator's command line or the server itself. */
  @ApiProperty({ type: 'integer', nullable: true, example: 1 })
  user_id: number | null;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10',
  })
  api_key_id: string | null;

  @ApiProperty({ example: 'api_key.revoked' })
  action: string;

  /** What it was done to. */
  @ApiProperty({ example: 'api_key:0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  subject: string;

  @ApiProperty({ type: 'object', additionalProperties: true, example: { kind: 'user' } })
  details: object;

  /** From where. */
  @ApiProperty({ type: String, nullable: true, example: '203.0.113.7' })
  address: string | null;

  /** `X-Request-Id` of the request. */
  @ApiProperty({ type: String, nullable: true, example: '3f2c8f0e-5f0b-4b7e-9f43-0d8f6a1d9a10' })
  request_id: string | null;
}

export class AuditPageDto extends Page {
  @ApiProperty({ type: [AuditEntryDto] })
  data: AuditEntryDto[];
}

export class AuditQuery extends PageQuery {
  /** Only what this user did. */
  @ApiProperty({ type: 'integer', required: false, minimum: 1, maximum: MAX_USER_ID })
  @IsOptional()
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(MAX_USER_ID)
  user_id?: number;

  /** Only this act. */
  @ApiProperty({ required: false, example: 'api_key.revoked' })
  @IsOptional()
  @Matches(/^[a-z_.]{1,60}$/, { message: 'must be the name of an action such as api_key.revoked' })
  action?: string;
}
