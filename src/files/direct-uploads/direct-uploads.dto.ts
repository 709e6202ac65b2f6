import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { Page, PageQuery } from '../../rest/page.dto.js';
import { MAX_FOLDER_CHARS } from '../folder-path.js';
import { MAX_TAGS } from '../tags.js';
import { MAX_FILENAME_CHARS } from '../upload-limits.js';
import type { UploadState } from '../upload.entity.js';
import { FIRST_URLS, MAX_URLS_AT_ONCE } from './direct-limits.js';
import type { DirectMethod } from './direct-upload.js';

export const UPLOAD_STATES = ['open', 'completing', 'completed', 'aborted'] as const satisfies UploadState[];
const MAX_PART_NUMBER = 50_000;
const MAX_BYTES = Number.MAX_SAFE_INTEGER;
const SHA_256 = /^[0-9a-f]{64}$/i;
const SHA_256_HELP = { message: 'must be a SHA-256 as 64 hex digits' };
const MD5 = /^[0-9a-f]{32}$/i;
const MD5_HELP = { message: 'must be an MD5 as 32 hex digits' };
const SHA_256_EXAMPLE = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

/** A part whose content is known. */
export class PartDigestDto {
  @ApiProperty({ type: 'integer', minimum: 1, maximum: MAX_PART_NUMBER, example: 1 })
  @IsInt()
  @Min(1)
  @Max(MAX_PART_NUMBER)
  part_number: number;

  /** MD5 of the part, in hex. The bucket then takes no other bytes. */
  @ApiProperty({ example: 'd41d8cd98f00b204e9800998ecf8427e' })
  @Matches(MD5, MD5_HELP)
  md5: string;
}

/** A file to be sent straight into the bucket. */
export class CreateUploadDto {
  @ApiProperty({ maxLength: MAX_FILENAME_CHARS, example: 'holiday.mov' })
  @IsString()
  @MaxLength(4 * MAX_FILENAME_CHARS)
  filename: string;

  /** Empty for the top, otherwise names that each end with a slash. */
  @ApiPropertyOptional({ maxLength: MAX_FOLDER_CHARS, example: 'videos/2026/' })
  @IsOptional()
  @IsString()
  @MaxLength(4 * MAX_FOLDER_CHARS)
  folder?: string;

  /** Exact length in bytes. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 734003200 })
  @IsInt()
  @Min(0)
  @Max(MAX_BYTES)
  size: number;

  @ApiPropertyOptional({ maxLength: 255, example: 'video/quicktime' })
  @IsOptional()
  @IsString()
  @MaxLength(255)
  content_type?: string;

  /** SHA-256 of the whole, in hex. A single PUT is bound to it where the bucket compares it. */
  @ApiPropertyOptional({ example: SHA_256_EXAMPLE })
  @IsOptional()
  @Matches(SHA_256, SHA_256_HELP)
  checksum?: string;

  /** MD5 of the whole, in hex: a single PUT is bound to it, also where the bucket compares no SHA-256. */
  @ApiPropertyOptional({ example: 'd41d8cd98f00b204e9800998ecf8427e' })
  @IsOptional()
  @Matches(MD5, MD5_HELP)
  md5?: string;

  @ApiPropertyOptional({ type: [String], maxItems: MAX_TAGS, example: ['holiday'] })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MAX_TAGS)
  @IsString({ each: true })
  tags?: string[];

  /** The file that gets this content as a new version, and keeps its name, folder and tags. */
  @ApiPropertyOptional({ type: 'integer', minimum: 1, example: 4217 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  replaces_file_id?: number;

  /** Length of the parts, in bytes; chosen for the file and the bucket when absent. A file that fits into one goes by one PUT. */
  @ApiPropertyOptional({ type: 'integer', minimum: 1, example: 16777216 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_BYTES)
  part_size?: number;

  /** Parts whose digests are known already: the answer has their URLs instead of the first ones. */
  @ApiPropertyOptional({ type: [PartDigestDto], maxItems: MAX_URLS_AT_ONCE })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MAX_URLS_AT_ONCE)
  @ValidateNested({ each: true })
  @Type(() => PartDigestDto)
  parts?: PartDigestDto[];
}

/** Which parts to sign. */
export class SignPartsDto {
  @ApiProperty({
    type: [Number],
    minItems: 1,
    maxItems: MAX_URLS_AT_ONCE,
    example: [11, 12, 13],
    description: 'A single PUT is part 1.',
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_URLS_AT_ONCE)
  @IsInt({ each: true })
  @Min(1, { each: true })
  @Max(MAX_PART_NUMBER, { each: true })
  part_numbers: number[];

  /** Digests of some of them: the bucket then takes no other bytes. */
  @ApiPropertyOptional({ type: [PartDigestDto], maxItems: MAX_URLS_AT_ONCE })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MAX_URLS_AT_ONCE)
  @ValidateNested({ each: true })
  @Type(() => PartDigestDto)
  digests?: PartDigestDto[];
}

/** A part as the client saw it stored. */
export class SeenPartDto {
  @ApiProperty({ type: 'integer', minimum: 1, maximum: MAX_PART_NUMBER, example: 1 })
  @IsInt()
  @Min(1)
  @Max(MAX_PART_NUMBER)
  part_number: number;

  /** As the bucket answered it, with or without quotes. */
  @ApiProperty({ maxLength: 1024, example: 'd41d8cd98f00b204e9800998ecf8427e' })
  @IsString()
  @MaxLength(1_024)
  etag: string;
}

export class CompleteUploadDto {
  /** Compared with what is in the bucket. It may be left out: the server asks the bucket for the parts itself. */
  @ApiPropertyOptional({ type: [SeenPartDto], maxItems: 10_000 })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(10_000)
  @ValidateNested({ each: true })
  @Type(() => SeenPartDto)
  parts?: SeenPartDto[];
}

/** One request to send to the bucket, without an API key. */
export class PartUrlDto {
  /** From 1; a single PUT is part 1. */
  @ApiProperty({ type: 'integer', minimum: 1, example: 1 })
  part_number: number;

  /** Exactly so many bytes belong into its body. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 16777216 })
  size: number;

  @ApiProperty({ enum: ['PUT'], example: 'PUT' })
  method: 'PUT';

  @ApiProperty({
    format: 'uri',
    example: 'https://my-bucket.s3.eu-central-1.amazonaws.com/f/0b0e…?partNumber=1&…',
  })
  url: string;

  /** To be sent exactly so; most are part of the signature. */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, example: {} })
  headers: Readonly<Record<string, string>>;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T11:15:30.000Z' })
  expires_at: string;
}

export class PartUrlsDto {
  @ApiProperty({ type: [PartUrlDto] })
  data: PartUrlDto[];
}

/** A file on its way from its client straight into the bucket. */
export class UploadDto {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  id: string;

  /** `completing`: its parts are being put together. `aborted`: given up or expired. */
  @ApiProperty({ enum: UPLOAD_STATES, enumName: 'UploadState', example: 'open' })
  state: UploadState;

  /** `put`: one URL takes the whole. `multipart`: each part has a URL of its own. */
  @ApiProperty({ enum: ['put', 'multipart'], example: 'multipart' })
  method: DirectMethod;

  @ApiProperty({ example: 'holiday.mov' })
  filename: string;

  @ApiProperty({ example: 'videos/2026/' })
  folder: string;

  @ApiProperty({ type: [String], example: ['holiday'] })
  tags: string[];

  @ApiProperty({ example: 'video/quicktime' })
  content_type: string;

  /** In bytes. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 734003200 })
  size: number;

  /** SHA-256 that the client announced. */
  @ApiProperty({ type: String, nullable: true, example: SHA_256_EXAMPLE })
  checksum: string | null;

  /** Length of all parts but the last; null for one PUT. */
  @ApiProperty({ type: 'integer', nullable: true, example: 16777216 })
  part_size: number | null;

  @ApiProperty({ type: 'integer', minimum: 1, example: 44 })
  part_count: number;

  @ApiProperty({ type: 'integer', nullable: true, example: null })
  replaces_file_id: number | null;

  /** The file that it became. */
  @ApiProperty({ type: 'integer', nullable: true, example: null })
  file_id: number | null;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T10:15:30.123Z' })
  created_at: string;

  /** Without a new URL until then it is given up, and its parts are removed. */
  @ApiProperty({ format: 'date-time', example: '2026-11-23T10:15:30.123Z' })
  expires_at: string;
}

/** A new upload and the first things to send. */
export class NewUploadDto extends UploadDto {
  @ApiProperty({
    type: [PartUrlDto],
    description: `Of the first ${FIRST_URLS} parts, or of those with a digest.`,
  })
  urls: PartUrlDto[];
}

export class UploadPageDto extends Page {
  @ApiProperty({ type: [UploadDto] })
  data: UploadDto[];
}

/** A part that the bucket holds. */
export class ArrivedPartDto {
  @ApiProperty({ type: 'integer', minimum: 1, example: 1 })
  part_number: number;

  /** In bytes. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 16777216 })
  size: number;

  @ApiProperty({ example: 'd41d8cd98f00b204e9800998ecf8427e' })
  etag: string;
}

export class ArrivedPartsDto {
  @ApiProperty({ type: [ArrivedPartDto] })
  data: ArrivedPartDto[];
}

export class UploadQuery extends PageQuery {
  @ApiProperty({ enum: UPLOAD_STATES, enumName: 'UploadState', required: false })
  @IsOptional()
  @IsIn(UPLOAD_STATES)
  state?: UploadState;
}

export class UploadIdParams {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  @IsUUID()
  id: string;
}
