import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsNotEmptyObject, IsObject, IsUUID } from 'class-validator';
import { PROVIDERS } from '../storage-providers/providers/index.js';
import { PROVIDER_NAMES, type ProviderName } from '../storage-providers/storage-provider.js';
import { settingsSchema } from '../credentials/settings-schema.js';
import { MOVE_STATES, type MoveState } from './file-move.entity.js';

const integer = { type: 'integer', minimum: 0 } as const;
const usd = { type: 'number', minimum: 0 } as const;
const moment = { type: String, format: 'date-time', nullable: true } as const;

/** Into which bucket. */
export class PlanMoveDto {
  /** Settings of another bucket, as `PUT /api/v1/settings/cloud-storage` takes them, with all secrets. */
  @ApiProperty(settingsSchema(PROVIDERS))
  @IsObject()
  @IsNotEmptyObject()
  target: Record<string, unknown>;
}

export class StartMoveDto {
  /** Leave what cannot be copied in the old bucket, and switch all the same. */
  @ApiProperty({ required: false, default: false })
  @IsBoolean()
  skip_failed: boolean = false;
}

export class MoveIdParams {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  @IsUUID()
  id: string;
}

export class MoveTargetDto {
  @ApiProperty({ type: 'integer', minimum: 1, example: 4 })
  cloud_config_id: number;

  @ApiProperty({ enum: PROVIDER_NAMES, example: 'cloudflare_r2' })
  provider: ProviderName;

  @ApiProperty({ example: 'my-new-bucket' })
  bucket_name: string;
}

/** Of what is still to be copied. */
export class MoveEstimateDto {
  @ApiProperty({ enum: [true] })
  is_estimate: true;

  /** Files with the trash, and kept versions. */
  @ApiProperty({ ...integer, example: 12000 })
  objects: number;

  @ApiProperty({ ...integer, example: 600000000000 })
  bytes: number;

  /** At the present bucket. */
  @ApiProperty({ ...integer, example: 12000 })
  read_requests: number;

  /** At the target. */
  @ApiProperty({ ...integer, example: 12600 })
  write_requests: number;

  /** What the bytes cost that leave the present bucket. */
  @ApiProperty({ ...usd, example: 46 })
  egress_usd: number;

  @ApiProperty({ ...usd, example: 0.0658 })
  requests_usd: number;

  @ApiProperty({ ...usd, example: 46.0658 })
  total_usd: number;

  @ApiProperty({ format: 'date', example: '2024-12-20' })
  prices_as_of: string;

  /** A guess: lines and stores differ. */
  @ApiProperty({ ...integer, example: 24000 })
  duration_seconds: number;
}

export class MoveProgressDto {
  @ApiProperty({ ...integer, example: 4217 })
  copied_objects: number;

  @ApiProperty({ ...integer, example: 52428800 })
  copied_bytes: number;

  /** Missing, damaged, or too large for the target. */
  @ApiProperty({ ...integer, example: 0 })
  failed_objects: number;
}

/** What does not move. */
export class LeftInPlaceDto {
  /** Of workspaces: they follow the bucket that they were begun in; a new workspace begins in the new one. */
  @ApiProperty({ ...integer, example: 0 })
  repositories: number;

  /** In buckets whose credentials were forgotten. */
  @ApiProperty({ ...integer, example: 0 })
  unreadable_objects: number;
}

/** All files of a user on their way into another bucket. */
export class MoveDto {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  id: string;

  /**
   * `planned`: nothing was done. `copying`. `stopped`: something cannot be copied, `problem` says what. `catching_up`: new
   * files go to the target already. `moved`: everything is there, the old objects lie where they lay. `cleaning`,
   * `finished`: they go, they are gone. `cancelling`, `cancelled`: the copies go, they are gone.
   */
  @ApiProperty({ enum: MOVE_STATES, example: 'copying' })
  state: MoveState;

  target: MoveTargetDto;

  estimate: MoveEstimateDto;

  progress: MoveProgressDto;

  left_in_place: LeftInPlaceDto;

  /** Why the work stopped. */
  @ApiProperty({ type: String, nullable: true, example: null })
  problem: string | null;

  /** The work that runs now, or ran last. */
  @ApiProperty({ type: String, format: 'uuid', nullable: true, example: null })
  job_id: string | null;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T06:52:06.123Z' })
  created_at: string;

  @ApiProperty({ ...moment, example: null })
  started_at: string | null;

  /** Since when new files go to the target. */
  @ApiProperty({ ...moment, example: null })
  switched_at: string | null;

  @ApiProperty({ ...moment, example: null })
  moved_at: string | null;

  @ApiProperty({ ...moment, example: null })
  ended_at: string | null;
}

/** The newest hundred. */
export class MoveListDto {
  data: MoveDto[];
}
