import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, Matches, Max, Min, ValidateIf } from 'class-validator';
import { IsMoment } from '../../rest/is-moment.decorator.js';
import { Page, PageQuery, toInteger } from '../../rest/page.dto.js';
import { PresentationFields } from '../presentation.dto.js';
import { type Disposition, DISPOSITIONS } from '../presentation.js';
import {
  DEFAULT_SHARE_SECONDS,
  MAX_SHARE_DOWNLOADS,
  MAX_SHARE_ID,
  MAX_SHARE_SECONDS,
} from './share-limits.js';

export const SHARE_STATES = ['active', 'revoked', 'expired', 'used_up'] as const;
export type ShareState = (typeof SHARE_STATES)[number];

const IfGiven = () => ValidateIf((_, value) => value !== undefined);
const moment = { type: String, format: 'date-time', nullable: true } as const;

/** How long a share shall last, how often it may be used, and how the download arrives. */
export class CreateShare extends PresentationFields {
  /** A week, unless this or `expires_at` says otherwise. */
  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: 1,
    maximum: MAX_SHARE_SECONDS,
    example: DEFAULT_SHARE_SECONDS,
  })
  @IfGiven()
  @IsInt()
  @Min(1)
  @Max(MAX_SHARE_SECONDS)
  expires_in_seconds?: number;

  /** Instead of `expires_in_seconds`; null: it lasts until it is revoked. */
  @ApiProperty({ ...moment, required: false, example: '2027-01-01T00:00:00Z' })
  @IsOptional()
  @IsMoment()
  expires_at?: string | null;

  /** How often the file may be downloaded; null or left out: as often as one likes. */
  @ApiProperty({
    type: 'integer',
    required: false,
    nullable: true,
    minimum: 1,
    maximum: MAX_SHARE_DOWNLOADS,
    example: 3,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_SHARE_DOWNLOADS)
  max_downloads?: number | null;

  /** To know it again by, whom it is for, say. No visitor sees it. */
  @ApiProperty({
    type: String,
    required: false,
    nullable: true,
    minLength: 1,
    maxLength: 200,
    example: 'For Ana',
  })
  @IsOptional()
  @Matches(/^[^\p{Cc}\p{Cs}]{1,200}$/u, {
    message: 'must be 1 to 200 characters without line breaks and control characters',
  })
  label?: string | null;
}

/** A share without its link. */
export class ShareDto {
  @ApiProperty({ type: 'integer', minimum: 1, example: 12 })
  id: number;

  @ApiProperty({ type: 'integer', minimum: 1, example: 4217 })
  file_id: number;

  /** While its file is in the trash, an `active` share opens nothing either. */
  @ApiProperty({ enum: SHARE_STATES, example: 'active' })
  state: ShareState;

  @ApiProperty({ type: String, nullable: true, example: 'For Ana' })
  label: string | null;

  /** What was asked for; a content that could run in a browser is saved all the same. */
  @ApiProperty({ enum: DISPOSITIONS, example: 'attachment' })
  disposition: Disposition;

  /** null: the file's own. */
  @ApiProperty({ type: String, nullable: true, example: null })
  filename: string | null;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T10:15:30.123Z' })
  created_at: string;

  /** null: it lasts until it is revoked. */
  @ApiProperty({ ...moment, example: '2026-11-29T10:15:30.123Z' })
  expires_at: string | null;

  @ApiProperty({ ...moment, example: null })
  revoked_at: string | null;

  @ApiProperty({ type: 'integer', nullable: true, minimum: 1, example: 3 })
  max_downloads: number | null;

  /** Downloads that were begun; one that is resumed within a day counts once. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 1 })
  download_count: number;

  /** When the last of them was begun. */
  @ApiProperty({ ...moment, example: '2026-11-23T08:00:00.000Z' })
  last_accessed_at: string | null;
}

export class CreatedShareDto extends ShareDto {
  /** The link. It is shown this once and cannot be shown again. */
  @ApiProperty({ format: 'uri', example: 'https://stowage.example/s/2jZc…' })
  url: string;
}

/** One page of shares, the newest first. */
export class SharePageDto extends Page {
  @ApiProperty({ type: [ShareDto] })
  data: ShareDto[];
}

export class ListSharesQuery extends PageQuery {
  /** Only those of this file. */
  @ApiProperty({ type: 'integer', required: false, minimum: 1, maximum: MAX_SHARE_ID, example: 4217 })
  @IfGiven()
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(MAX_SHARE_ID)
  file_id?: number;
}

export class ShareIdParams {
  @ApiProperty({ type: 'integer', minimum: 1, maximum: MAX_SHARE_ID, example: 12 })
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(MAX_SHARE_ID)
  id: number;
}
