import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn, IsOptional, IsString, IsUUID, MaxLength, ValidateIf } from 'class-validator';
import { Page, PageQuery } from '../rest/page.dto.js';
import type { LocalFileRow } from './local-file-rows.js';

export const SHOWN_STATES = ['waiting', 'uploading', 'synced', 'skipped', 'failed', 'vanished'] as const;

/** In characters; what counts is its length in bytes, 4,095 at most. */
export const MAX_PATH_CHARS = 4_095;

const moment = { format: 'date-time', example: '2026-11-22T06:52:06.123Z' } as const;
const momentOrNull = { type: String, nullable: true, ...moment } as const;
const path = { maxLength: MAX_PATH_CHARS, example: '/srv/uploads/holiday.jpg' } as const;
const folder = { maxLength: 1024, example: 'photos/2026/', default: '' } as const;

/** An omitted field has its default; null is no value. */
export const IfGiven = () => ValidateIf((_, value) => value !== undefined);

/** Why a local file is not in the bucket as it is. */
export class LocalFileReasonDto {
  /** One of those in docs/errors.md. */
  @ApiProperty({ example: 'file_too_large' })
  code: string;

  @ApiProperty({
    example: 'The file has 209715200 bytes; max_file_size of your sync settings allows 104857600.',
  })
  detail: string;
}

/** A file on a server's disk, and what became of it. */
export class LocalFileDto {
  @ApiProperty({ type: 'integer', example: 311 })
  id: number;

  @ApiProperty(path)
  path: string;

  @ApiProperty({ example: 'holiday.jpg' })
  filename: string;

  /** Where it goes in the bucket. */
  @ApiProperty(folder)
  folder: string;

  /** As it was last seen. */
  @ApiProperty({ type: 'integer', example: 123456 })
  file_size: number;

  @ApiProperty({ ...momentOrNull, description: 'As it was last seen; null: not yet.' })
  modified_at: string | null;

  /** Name of the server that sees it; null: none has yet. */
  @ApiProperty({ type: String, nullable: true, example: 'main' })
  server_name: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, example: null })
  watched_folder_id: string | null;

  /**
   * waiting: not in the bucket as it is; uploading; synced; skipped: larger than max_file_size; failed: tried often, still
   * tried, seldom; vanished: not on the disk any more, the cloud file stays.
   */
  @ApiProperty({ enum: SHOWN_STATES, example: 'synced' })
  state: LocalFileRow['state'];

  @ApiProperty({ type: LocalFileReasonDto, nullable: true, example: null })
  reason: LocalFileReasonDto | null;

  /** Since it was last synced, or changed. */
  @ApiProperty({ type: 'integer', example: 0 })
  attempts: number;

  @ApiProperty({ ...momentOrNull, example: null, description: 'Null: nobody wants it uploaded now.' })
  next_attempt_at: string | null;

  /** Of a running upload, some seconds old. */
  @ApiProperty({ type: 'integer', example: 123456 })
  uploaded_bytes: number;

  /** Its file in the bucket. */
  @ApiProperty({ type: 'integer', nullable: true, example: 4217 })
  cloud_file_id: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'SHA-256 of what is in the bucket.' })
  checksum: string | null;

  @ApiProperty(momentOrNull)
  synced_at: string | null;

  @ApiProperty(moment)
  created_at: string;
}

export class LocalFilePageDto extends Page {
  @ApiProperty({ type: [LocalFileDto] })
  data: LocalFileDto[];
}

export class ListLocalFilesQuery extends PageQuery {
  @ApiProperty({ enum: SHOWN_STATES, required: false })
  @IsOptional()
  @IsIn(SHOWN_STATES)
  state?: LocalFileRow['state'];

  @ApiProperty({ format: 'uuid', required: false })
  @IsOptional()
  @IsUUID()
  watched_folder_id?: string;
}

/** A file on the server's disk that shall be looked after. */
export class NewLocalFileDto {
  /** Absolute, below one of the operator's LOCAL_FILES_ROOTS. */
  @ApiProperty(path)
  @IsString()
  @MaxLength(MAX_PATH_CHARS)
  path: string;

  /** What it is called in the bucket; the last name of the path when absent. */
  @ApiProperty({ required: false, maxLength: 255, example: 'holiday.jpg' })
  @IfGiven()
  @IsString()
  @MaxLength(255)
  filename?: string;

  /** Where it goes in the bucket. */
  @ApiProperty({ ...folder, required: false })
  @IfGiven()
  @IsString()
  @MaxLength(1024)
  folder?: string;
}

export class WatchedFolderParams {
  @ApiProperty({ format: 'uuid' })
  @IsUUID()
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.toLowerCase() : value))
  id: string;
}
