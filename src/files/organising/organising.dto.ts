import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsString,
  Max,
  MaxLength,
  Min,
  ValidateIf,
} from 'class-validator';
import { Page, PageQuery } from '../../rest/page.dto.js';
import { MAX_FOLDER_CHARS } from '../folder-path.js';
import { MAX_TAGS } from '../tags.js';
import { BULK_ACTIONS, type BulkAction } from './bulk-changes.service.js';

const IfGiven = () => ValidateIf((_, value) => value !== undefined);
const MAX_BULK_FILES = 1_000;
/** Bounds what is looked at; what is valid says folder-path.ts. */
const MAX_TEXT = 4 * MAX_FOLDER_CHARS;

/** What is left out stays as it is. */
export class ChangeFile {
  @ApiProperty({ required: false, maxLength: 255, example: 'q3-final.pdf' })
  @IfGiven()
  @IsString()
  @MaxLength(MAX_TEXT)
  filename?: string;

  /** Empty for the top; a missing last slash is added. */
  @ApiProperty({ required: false, maxLength: MAX_FOLDER_CHARS, example: 'reports/2026/' })
  @IfGiven()
  @IsString()
  @MaxLength(MAX_TEXT)
  folder?: string;

  /** All tags that it shall have. */
  @ApiProperty({ required: false, type: [String], maxItems: MAX_TAGS, example: ['finance', 'q3'] })
  @IfGiven()
  @IsArray()
  @IsString({ each: true })
  tags?: string[];

  @ApiProperty({ required: false, example: true })
  @IfGiven()
  @IsBoolean()
  protected?: boolean;
}

/** The same change of many files. */
export class ChangeFiles {
  @ApiProperty({ enum: BULK_ACTIONS, example: 'move' })
  @IsIn(BULK_ACTIONS)
  action: BulkAction;

  @ApiProperty({ type: [Number], minItems: 1, maxItems: MAX_BULK_FILES, example: [4217, 4218] })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_BULK_FILES)
  @IsInt({ each: true })
  @Min(1, { each: true })
  @Max(2_147_483_647, { each: true })
  ids: number[];

  /** Only to move: where to. */
  @ApiProperty({ required: false, maxLength: MAX_FOLDER_CHARS, example: 'archive/' })
  @IfGiven()
  @IsString()
  @MaxLength(MAX_TEXT)
  folder?: string;

  /** Only to tag and untag: which to add, or to take away. */
  @ApiProperty({ required: false, type: [String], maxItems: MAX_TAGS, example: ['q3'] })
  @IfGiven()
  @IsArray()
  @ArrayMaxSize(MAX_TAGS)
  @IsString({ each: true })
  tags?: string[];

  /** Only to protect: false takes the protection back. */
  @ApiProperty({ required: false, default: true })
  @IsBoolean()
  protected: boolean = true;
}

/** What became of a change of many files. */
export class ChangedFilesDto {
  @ApiProperty({ type: 'integer', minimum: 0, example: 2 })
  changed: number;

  /** Those that are absent, or that the action cannot apply to: a protected file is not put into the trash. */
  @ApiProperty({ type: [Number], example: [] })
  unchanged_ids: number[];
}

/** Whose subfolders to list. */
export class ListFoldersQuery extends PageQuery {
  /** Empty for the top. */
  @ApiProperty({ required: false, default: '', maxLength: MAX_FOLDER_CHARS, example: 'reports/' })
  @Transform(({ value }: { value: unknown }) => value ?? '')
  @IsString()
  @MaxLength(MAX_TEXT)
  parent: string = '';
}

/** A folder, with everything below it. */
export class FolderDto {
  @ApiProperty({ example: 'reports/2026/' })
  folder: string;

  /** Its last part. */
  @ApiProperty({ example: '2026' })
  name: string;

  @ApiProperty({ type: 'integer', minimum: 1, example: 48 })
  file_count: number;

  @ApiProperty({ type: 'integer', minimum: 0, example: 482133 })
  total_bytes: number;
}

/** One page of folders, in the order of their bytes. */
export class FolderPageDto extends Page {
  data: FolderDto[];
}

/** Which folder to move with all that is below it. */
export class RenameFolder {
  @ApiProperty({ maxLength: MAX_FOLDER_CHARS, example: 'reports/2025/' })
  @IsString()
  @MaxLength(MAX_TEXT)
  from: string;

  /** Its new path; when there is such a folder, they become one. Empty for the top. */
  @ApiProperty({ maxLength: MAX_FOLDER_CHARS, example: 'archive/2025/' })
  @IsString()
  @MaxLength(MAX_TEXT)
  to: string;
}

export class RenamedFolderDto {
  /** Files that moved. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 48 })
  moved: number;
}
