import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsInt, IsUUID, Max, Min, ValidateIf } from 'class-validator';
import { Page } from '../../rest/page.dto.js';
import { SWEEP_RUN_STATES, type SweepRunState } from './sweep-run.entity.js';

const MAX_ID = 2_147_483_647;

const count = { type: 'integer', minimum: 0, example: 0 } as const;

/** Why a sweep deleted nothing, or less than it found. */
export class SweepStopDto {
  @ApiProperty({ example: 'too_many' })
  code: string;

  /** A sentence to act on. */
  @ApiProperty({ example: '120 of 900 objects have no row in the database: more than uploads leave behind.' })
  detail: string;
}

/** One look through a bucket. */
export class SweepRunDto {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  id: string;

  /** The settings with which the bucket was opened. */
  @ApiProperty({ type: 'integer', example: 3 })
  cloud_config_id: number;

  /** `stopped` found something that it could not explain, `failed` could not read the bucket. */
  @ApiProperty({ enum: SWEEP_RUN_STATES, enumName: 'SweepRunState' })
  state: SweepRunState;

  @ApiProperty({ type: SweepStopDto, nullable: true })
  stop: SweepStopDto | null;

  /** Objects of files in the bucket. */
  @ApiProperty({ ...count, example: 900 })
  scanned_objects: number;

  /** Old objects that no file, version or upload needs; they go when a second sweep finds them again. */
  @ApiProperty(count)
  candidate_objects: number;

  @ApiProperty(count)
  deleted_objects: number;

  @ApiProperty(count)
  deleted_bytes: number;

  /** Multipart uploads at the provider that nobody knew. */
  @ApiProperty(count)
  aborted_uploads: number;

  /** Uploads that never ended, a day old or older. */
  @ApiProperty(count)
  removed_rows: number;

  /** Files and versions whose object was found to be gone. */
  @ApiProperty(count)
  missing_files: number;

  /** Files and versions whose object is back. */
  @ApiProperty(count)
  found_files: number;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T06:52:06.123Z' })
  started_at: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T06:52:31.123Z' })
  finished_at: string;
}

export class SweepRunPageDto extends Page {
  @ApiProperty({ type: [SweepRunDto] })
  data: SweepRunDto[];
}

export class SweepIdParams {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  @IsUUID()
  id: string;
}

/** What is confirmed. */
export class ConfirmSweepDto {
  /** `candidate_objects` of the sweep. */
  @ApiProperty({ type: 'integer', minimum: 1, example: 120 })
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  candidate_objects: number;
}

export class ReconcileDto {
  /** Declare, after the comparison, that this database is the one that counts. */
  @ApiProperty({ example: false })
  @IsBoolean()
  adopt: boolean;

  /** Settings of another time, whose bucket still holds files; the present ones when absent. */
  @ApiProperty({ type: 'integer', required: false, minimum: 1, maximum: MAX_ID, example: 3 })
  @ValidateIf((_, value) => value !== undefined)
  @IsInt()
  @Min(1)
  @Max(MAX_ID)
  cloud_config_id?: number;
}
