import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { Transform, type TransformFnParams } from 'class-transformer';
import {
  Allow,
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
} from 'class-validator';
import { PageQuery } from '../../rest/page.dto.js';
import { KEEP_TIER_NAMES } from './keep-policy-json.js';

export const MIN_INTERVAL_SECONDS = 5;
export const MAX_INTERVAL_SECONDS = 86_400;
export const DEFAULT_INTERVAL_SECONDS = 30;
const MAX_EXCLUDES = 1_000;
const MAX_EXCLUDE_CHARS = 1_000;
const MIN_UPLOAD_BYTES_PER_SECOND = 1_024;
const MAX_UPLOAD_BYTES_PER_SECOND = 10 ** 12;
/** Longer than any path may be, so that the sentence about paths is told and not one about lengths. */
const MAX_PATH_CHARS = 10_000;

const NAME = /^[^\p{Cc}\p{Cs}]{1,100}$/u;
const NAME_RULE = { message: 'must be 1 to 100 characters without control characters' };
const LINE = /^[^\0\r\n\p{Cs}]+$/u;
const LINE_RULE = { each: true, message: 'must be lines in gitignore syntax, without line breaks' };

/** An omitted field keeps its value or its default; null is no value. */
const IfGiven = () => ValidateIf((_, value) => value !== undefined);
const IfNotNull = () => ValidateIf((_, value) => value !== undefined && value !== null);

const toFlag = ({ value }: TransformFnParams): unknown =>
  value === 'true' ? true : value === 'false' ? false : value;

/** A length of time by the calendar: the sum of its parts. */
export class KeepDurationDto {
  @ApiProperty({ type: 'integer', minimum: 0, required: false })
  years?: number;

  @ApiProperty({ type: 'integer', minimum: 0, required: false })
  months?: number;

  @ApiProperty({ type: 'integer', minimum: 0, required: false })
  days?: number;

  @ApiProperty({ type: 'integer', minimum: 0, required: false })
  hours?: number;

  @ApiProperty({ type: 'integer', minimum: 0, required: false })
  minutes?: number;
}

const TIERS = `By tier: ${KEEP_TIER_NAMES.join(', ')}.`;

/** Which snapshots stay. One stays when any rule wants it; without rules all stay. */
export class KeepRulesDto {
  @ApiProperty({
    type: 'object',
    selfRequired: false,
    description: `For so many of the newest minutes, hours, … that have a snapshot, the newest one in each; -1: for all. ${TIERS}`,
    additionalProperties: { type: 'integer', minimum: -1 },
    example: { hourly: 24 },
  })
  counts?: object;

  /** Everything that is at most so much older than the newest snapshot. */
  @ApiProperty({ type: KeepDurationDto, required: false, example: { hours: 1 } })
  within?: KeepDurationDto;

  @ApiProperty({
    type: 'object',
    selfRequired: false,
    description: `Of what is at most so much older than the newest snapshot, the newest in each minute, hour, … ${TIERS}`,
    additionalProperties: { $ref: getSchemaPath(KeepDurationDto) },
    example: { daily: { months: 1 } },
  })
  tiers_within?: object;

  /** Snapshots that have all tags of one of these lists. */
  @ApiProperty({
    type: 'array',
    required: false,
    maxItems: 20,
    items: { type: 'array', minItems: 1, maxItems: 20, items: { type: 'string', maxLength: 100 } },
    example: [['release']],
  })
  tags?: string[][];

  /** So many newest ones stay whatever the rules say; 3 when absent. */
  @ApiProperty({ type: 'integer', minimum: 1, required: false, example: 3 })
  newest?: number;

  /** Where days begin, from the IANA database; UTC when absent. */
  @ApiProperty({ required: false, example: 'Europe/Berlin' })
  time_zone?: string;
}

/** On properties whose classes name KeepRulesDto in ApiExtraModels. */
export const KEEP_POLICY_SCHEMA = {
  oneOf: [{ type: 'string', enum: ['default', 'compact'] }, { $ref: getSchemaPath(KeepRulesDto) }],
  example: 'default',
};

/** How a workspace is protected. */
@ApiExtraModels(KeepRulesDto, KeepDurationDto)
class WorkspacePolicyDto {
  /**
   * The agent on whose host it is; a new workspace without one is on the server's own. Another than before takes over
   * as soon as the one before has let go.
   */
  @ApiProperty({ required: false, format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  @IfGiven()
  @IsUUID()
  agent_id?: string;

  /** Seconds from the beginning of one run to that of the next. */
  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: MIN_INTERVAL_SECONDS,
    maximum: MAX_INTERVAL_SECONDS,
    default: DEFAULT_INTERVAL_SECONDS,
  })
  @IfGiven()
  @IsInt()
  @Min(MIN_INTERVAL_SECONDS)
  @Max(MAX_INTERVAL_SECONDS)
  interval_seconds?: number;

  /** What is left out, in gitignore syntax. */
  @ApiProperty({ type: [String], required: false, maxItems: MAX_EXCLUDES, example: ['*.tmp', '/build/'] })
  @IfGiven()
  @IsArray()
  @ArrayMaxSize(MAX_EXCLUDES)
  @IsString({ each: true })
  @MaxLength(MAX_EXCLUDE_CHARS, { each: true })
  @Matches(LINE, LINE_RULE)
  excludes?: string[];

  /** A preset, or rules. `default` keeps everything of the last hour, 5-minutely for a day, hourly for a week, … */
  @ApiProperty({ ...KEEP_POLICY_SCHEMA, required: false })
  @Allow()
  keep_policy?: unknown;

  /** Null: as fast as it goes. */
  @ApiProperty({
    type: 'integer',
    required: false,
    nullable: true,
    minimum: MIN_UPLOAD_BYTES_PER_SECOND,
    maximum: MAX_UPLOAD_BYTES_PER_SECOND,
    example: null,
  })
  @IfNotNull()
  @IsInt()
  @Min(MIN_UPLOAD_BYTES_PER_SECOND)
  @Max(MAX_UPLOAD_BYTES_PER_SECOND)
  upload_bytes_per_second?: number | null;

  /** No snapshots are taken but those that somebody asks for. */
  @ApiProperty({ required: false, example: false })
  @IfGiven()
  @IsBoolean()
  paused?: boolean;
}

/** What to change of a workspace; what is left out stays as it is. */
export class ChangeWorkspaceDto extends WorkspacePolicyDto {
  /** By which people know it; unique among your workspaces. */
  @ApiProperty({ required: false, minLength: 1, maxLength: 100, example: 'training-run' })
  @IfGiven()
  @Matches(NAME, NAME_RULE)
  name?: string;

  /** The directory on the agent's host: an absolute path of at most 4,095 bytes. */
  @ApiProperty({ required: false, example: '/srv/training-run' })
  @IfGiven()
  @IsString()
  @MaxLength(MAX_PATH_CHARS)
  path?: string;
}

/** A directory to be protected. */
export class NewWorkspaceDto extends WorkspacePolicyDto {
  /** By which people know it; unique among your workspaces. */
  @ApiProperty({ minLength: 1, maxLength: 100, example: 'training-run' })
  @Matches(NAME, NAME_RULE)
  name: string;

  /** The directory on the agent's host: an absolute path of at most 4,095 bytes. */
  @ApiProperty({ example: '/srv/training-run' })
  @IsString()
  @MaxLength(MAX_PATH_CHARS)
  path: string;
}

export class WorkspaceIdParams {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  @IsUUID()
  id: string;
}

export class WorkspaceQuery extends PageQuery {
  /** Deleted ones whose snapshots are kept, instead of those that are there. */
  @ApiProperty({ required: false, default: false })
  @Transform(toFlag)
  @IsBoolean()
  deleted: boolean = false;

  /** Only those of this agent. */
  @ApiProperty({ required: false, format: 'uuid' })
  @IsOptional()
  @IsUUID()
  agent_id?: string;
}

export class DeleteWorkspaceQuery {
  /** Also removes its snapshots and its repository from the bucket, for good. Refused while one is protected. */
  @ApiProperty({ required: false, default: false })
  @Transform(toFlag)
  @IsIn([true, false])
  delete_snapshots: boolean = false;
}
