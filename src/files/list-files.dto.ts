import { ApiProperty, IntersectionType } from '@nestjs/swagger';
import { Transform, type TransformFnParams } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
} from 'class-validator';
import { PageQuery, toBoolean, toInteger } from '../rest/page.dto.js';
import { PROVIDER_NAMES, type ProviderName } from '../storage-providers/storage-provider.js';
import { FILE_SORTS, type FileFilters, type FileSort, type SortOrder } from './file-listing.js';
import { cleanFolder, MAX_FOLDER_CHARS } from './folder-path.js';
import { tagsOfText } from './tags.js';

const WELL_FORMED = /^[^\p{Cc}\p{Cs}]+$/u;
const WELL_FORMED_HELP = { message: 'must be 1 to 255 characters without control characters' };
const RFC_3339 = /^\d{4}-\d\d-\d\d(?:[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d))?$/;
const RFC_3339_HELP = { message: 'must be a date such as 2026-11-22 or a time such as 2026-11-22T10:15:30Z' };

/** A date or time of RFC 3339 in UTC; anything else stays as it is and fails its pattern. */
const toUtc = ({ value }: TransformFnParams): unknown => {
  const time = typeof value === 'string' && RFC_3339.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? `${String(value)} ` : new Date(time).toISOString();
};

/** Which files are meant; a file has to match all that is given. */
export class FileFilterQuery {
  /** Only names that begin with this, byte for byte. */
  @ApiProperty({ required: false, maxLength: 255, example: 'q3-' })
  @IsOptional()
  @IsString()
  @MaxLength(255)
  @Matches(WELL_FORMED, WELL_FORMED_HELP)
  filename_prefix?: string;

  /** Only names that contain this; upper and lower case are alike. */
  @ApiProperty({ required: false, maxLength: 255, example: 'report' })
  @IsOptional()
  @IsString()
  @MaxLength(255)
  @Matches(WELL_FORMED, WELL_FORMED_HELP)
  filename_contains?: string;

  /** Only files in this kind of store. */
  @ApiProperty({ enum: PROVIDER_NAMES, required: false })
  @IsOptional()
  @IsIn(PROVIDER_NAMES)
  provider?: ProviderName;

  /** Only files uploaded later than this. */
  @ApiProperty({ required: false, format: 'date-time', example: '2026-11-01T00:00:00Z' })
  @ValidateIf((_, value) => value !== undefined)
  @Transform(toUtc)
  @Matches(RFC_3339, RFC_3339_HELP)
  uploaded_after?: string;

  /** Only files uploaded earlier than this. */
  @ApiProperty({ required: false, format: 'date-time', example: '2026-12-01T00:00:00Z' })
  @ValidateIf((_, value) => value !== undefined)
  @Transform(toUtc)
  @Matches(RFC_3339, RFC_3339_HELP)
  uploaded_before?: string;

  /** Only files in this folder; empty for the top. */
  @ApiProperty({ required: false, maxLength: MAX_FOLDER_CHARS, example: 'reports/' })
  @ValidateIf((_, value) => value !== undefined)
  @IsString()
  @MaxLength(4 * MAX_FOLDER_CHARS)
  folder?: string;

  /** With `folder`: files below it, too. */
  @ApiProperty({ required: false, default: false })
  @IsOptional()
  @Transform(toBoolean)
  @IsBoolean()
  recursive?: boolean;

  /** Only files with all of these tags, separated by commas. */
  @ApiProperty({ required: false, maxLength: 4096, example: 'finance,q3' })
  @ValidateIf((_, value) => value !== undefined)
  @IsString()
  @MaxLength(4096)
  tags?: string;

  /** In bytes, inclusive. */
  @ApiProperty({ required: false, type: 'integer', minimum: 0 })
  @IsOptional()
  @Transform(toInteger)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  min_size?: number;

  /** In bytes, inclusive. */
  @ApiProperty({ required: false, type: 'integer', minimum: 0 })
  @IsOptional()
  @Transform(toInteger)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  max_size?: number;

  /** Only files with this content: its SHA-256 in hex. */
  @ApiProperty({ required: false, pattern: '^[0-9a-f]{64}$' })
  @ValidateIf((_, value) => value !== undefined)
  @Matches(/^[0-9a-f]{64}$/, { message: 'must be a SHA-256 as 64 hex digits in lower case' })
  checksum?: string;

  /** Only this media type, or all of a kind, such as `image/*`. */
  @ApiProperty({ required: false, maxLength: 255, example: 'image/*' })
  @ValidateIf((_, value) => value !== undefined)
  @IsString()
  @MaxLength(255)
  @Matches(WELL_FORMED, WELL_FORMED_HELP)
  content_type?: string;

  /** Only protected files, or only others. */
  @ApiProperty({ required: false })
  @IsOptional()
  @Transform(toBoolean)
  @IsBoolean()
  protected?: boolean;

  /** Only files whose object was not found in the bucket, or only others. */
  @ApiProperty({ required: false })
  @IsOptional()
  @Transform(toBoolean)
  @IsBoolean()
  missing?: boolean;
}

/** Which files to list, and how. */
export class ListFilesQuery extends IntersectionType(PageQuery, FileFilterQuery) {
  /** What to sort by; files that are equal in it follow by id. */
  @ApiProperty({ enum: FILE_SORTS, default: 'id', required: false })
  @IsIn(FILE_SORTS)
  sort: FileSort = 'id';

  @ApiProperty({ enum: ['asc', 'desc'], default: 'desc', required: false })
  @IsIn(['asc', 'desc'])
  order: SortOrder = 'desc';
}

/** How many files match. */
export class FileSummaryDto {
  @ApiProperty({ type: 'integer', minimum: 0, example: 4218 })
  file_count: number;

  @ApiProperty({ type: 'integer', minimum: 0, example: 482133 })
  total_bytes: number;
}

/** @throws FilesError `invalid_folder`, `invalid_tags` */
export function filtersOf(query: FileFilterQuery): FileFilters {
  const tags = query.tags === undefined ? [] : tagsOfText(query.tags);
  return {
    filenamePrefix: query.filename_prefix,
    filenameContains: query.filename_contains,
    provider: query.provider,
    uploadedAfter: query.uploaded_after,
    uploadedBefore: query.uploaded_before,
    folder: query.folder === undefined ? undefined : cleanFolder(query.folder),
    recursive: query.recursive,
    tags: tags.length > 0 ? tags : undefined,
    minSizeBytes: query.min_size,
    maxSizeBytes: query.max_size,
    checksum: query.checksum,
    contentType: query.content_type,
    protected: query.protected,
    missing: query.missing,
  };
}
