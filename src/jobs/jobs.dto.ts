import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional, IsUUID, Matches } from 'class-validator';
import { Page, PageQuery } from '../rest/page.dto.js';
import { JOB_STATES, type JobState } from './job.entity.js';

/** Why a job failed. */
export class JobErrorDto {
  @ApiProperty({ example: 'endpoint_unreachable' })
  code: string;

  /** A sentence to act on. */
  @ApiProperty({ example: 'The endpoint s3.example.org cannot be reached.' })
  detail: string;
}

/** Long work that was asked for. */
export class JobDto {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  id: string;

  /** What is done. */
  @ApiProperty({ example: 'repository.check' })
  kind: string;

  /** What it is done to. */
  @ApiProperty({ example: 'workspace:0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a11' })
  subject: string;

  @ApiProperty({ enum: JOB_STATES, enumName: 'JobState' })
  state: JobState;

  /** How far it is; its members depend on the kind. */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true, example: null })
  progress: object | null;

  /** What came of it; its members depend on the kind. */
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    example: { packs: 12, errors: 0 },
  })
  result: object | null;

  @ApiProperty({ type: JobErrorDto, nullable: true })
  error: JobErrorDto | null;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T06:52:06.123Z' })
  created_at: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-11-22T06:52:07.123Z' })
  started_at: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-11-22T06:52:31.123Z' })
  finished_at: string | null;
}

export class JobPageDto extends Page {
  @ApiProperty({ type: [JobDto] })
  data: JobDto[];
}

export class JobQuery extends PageQuery {
  @ApiProperty({ enum: JOB_STATES, enumName: 'JobState', required: false })
  @IsOptional()
  @IsIn(JOB_STATES)
  state?: JobState;

  /** Only what is done to this. */
  @ApiProperty({ required: false, example: 'workspace:0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a11' })
  @IsOptional()
  @Matches(/^[a-z_]{1,30}:[\w-]{1,60}$/, {
    message: 'must be a kind and an id, such as workspace:0198c1f2-…',
  })
  subject?: string;
}

export class JobIdParams {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  @IsUUID()
  id: string;
}
