import { ApiProperty } from '@nestjs/swagger';
import { Transform, type TransformFnParams } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsOptional,
  IsUUID,
  Matches,
  ValidateIf,
} from 'class-validator';
import { Page, PageQuery } from '../../rest/page.dto.js';

const ID = { format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' } as const;
const MOMENT = { format: 'date-time', example: '2026-11-22T06:52:06.123Z' } as const;
const COUNT = { type: 'integer', minimum: 0, example: 12 } as const;
const OBJECT_ID = { example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' } as const;
const MAX_TAGS = 20;
const TAG = /^[^\p{Cc}\p{Cs},]{1,100}$/u;

/** A file that is not in a snapshot. */
export class MissingFileDto {
  @ApiProperty({ example: 'secrets/key.pem' })
  path: string;

  @ApiProperty({ example: 'EACCES' })
  reason: string;
}

/** A workspace's state in the bucket. */
export class SnapshotDto {
  @ApiProperty(ID)
  id: string;

  @ApiProperty(ID)
  workspace_id: string;

  /** As restic shows it. */
  @ApiProperty(OBJECT_ID)
  restic_id: string;

  /** By the server's clock. */
  @ApiProperty(MOMENT)
  received_at: string;

  /** When the run began. */
  @ApiProperty(MOMENT)
  started_at: string;

  @ApiProperty(COUNT)
  duration_ms: number;

  /** Who wrote it. */
  @ApiProperty(ID)
  agent_id: string;

  @ApiProperty(COUNT)
  files: number;

  @ApiProperty(COUNT)
  directories: number;

  /** Of all files, before deduplication. */
  @ApiProperty(COUNT)
  size_bytes: number;

  /** What it added to the bucket. */
  @ApiProperty(COUNT)
  stored_bytes: number;

  /** Calls to the provider that it cost. */
  @ApiProperty(COUNT)
  provider_requests: number;

  /** Files could not be read. */
  @ApiProperty({ example: false })
  is_partial: boolean;

  @ApiProperty(COUNT)
  problem_count: number;

  /** Some of them. */
  @ApiProperty({ type: [MissingFileDto] })
  problems: MissingFileDto[];

  /** Stays whatever the keep policy says, and cannot be deleted. */
  @ApiProperty({ example: false })
  is_protected: boolean;

  @ApiProperty({ type: [String], example: ['release'] })
  tags: string[];

  /**
   * Why the keep policy keeps it now: names of tiers, `within`, `tags`, `protected`, `newest`, `no_rule`. None: the next
   * thinning removes it. Null: not computed, because there are too many newer ones.
   */
  @ApiProperty({ type: [String], nullable: true, example: ['hourly', 'daily'] })
  tiers: string[] | null;

  /** When a restore of it last ran to its end, all hashes equal. */
  @ApiProperty({ type: String, nullable: true, ...MOMENT })
  last_proven_at: string | null;
}

export class SnapshotPageDto extends Page {
  @ApiProperty({ type: [SnapshotDto] })
  data: SnapshotDto[];
}

const toFlag = ({ value }: TransformFnParams): unknown =>
  value === 'true' ? true : value === 'false' ? false : value;

const RFC_3339 = /^\d{4}-\d\d-\d\d(?:[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d))?$/;
const RFC_3339_HELP = { message: 'must be a date such as 2026-11-22 or a time such as 2026-11-22T10:15:30Z' };

/** A date or time of RFC 3339 in UTC; anything else stays as it is and fails its pattern. */
const toUtc = ({ value }: TransformFnParams): unknown => {
  const time = typeof value === 'string' && RFC_3339.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? `${String(value)} ` : new Date(time).toISOString();
};

export class SnapshotQuery extends PageQuery {
  /** Only protected ones, or only others. */
  @ApiProperty({ required: false })
  @IsOptional()
  @Transform(toFlag)
  @IsBoolean()
  protected?: boolean;

  /** Only those received then or later. */
  @ApiProperty({ required: false, format: 'date-time', example: '2026-11-01T00:00:00Z' })
  @ValidateIf((_, value) => value !== undefined)
  @Transform(toUtc)
  @Matches(RFC_3339, RFC_3339_HELP)
  since?: string;

  /** Only those received earlier. */
  @ApiProperty({ required: false, format: 'date-time', example: '2026-12-01T00:00:00Z' })
  @ValidateIf((_, value) => value !== undefined)
  @Transform(toUtc)
  @Matches(RFC_3339, RFC_3339_HELP)
  until?: string;
}

export class SnapshotIdParams {
  @ApiProperty(ID)
  @IsUUID()
  id: string;
}

/** What to change of a snapshot; what is left out stays as it is. */
export class ChangeSnapshotDto {
  @ApiProperty({ required: false, example: true })
  @ValidateIf((_, value) => value !== undefined)
  @IsBoolean()
  is_protected?: boolean;

  /** All of its tags, at most 20. Keep policies may go by them. */
  @ApiProperty({ type: [String], required: false, maxItems: MAX_TAGS, example: ['release'] })
  @ValidateIf((_, value) => value !== undefined)
  @IsArray()
  @ArrayMaxSize(MAX_TAGS)
  @ArrayUnique()
  @Matches(TAG, {
    each: true,
    message: 'must be tags of 1 to 100 characters without commas and control characters',
  })
  tags?: string[];
}
