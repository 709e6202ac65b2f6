import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsString, MaxLength } from 'class-validator';
import { Page } from '../rest/page.dto.js';
import { IfGiven, MAX_PATH_CHARS } from './local-files.dto.js';

const MAX_PATTERNS = 100;
const MAX_PATTERN_CHARS = 1_000;

const path = { maxLength: MAX_PATH_CHARS, example: '/srv/uploads' } as const;
const include = { isArray: true, type: String, example: ['*.jpg', '*.png'] } as const;
const exclude = { isArray: true, type: String, example: ['*.part', 'cache/'] } as const;
const folder = { maxLength: 1024, example: 'photos/' } as const;

/** A folder of a server's disk whose files become local files. */
export class WatchedFolderDto {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  id: string;

  @ApiProperty(path)
  path: string;

  /** Patterns as of .gitignore, relative to the folder; only files that match one are taken. Empty: all. */
  @ApiProperty(include)
  include: string[];

  /** Patterns as of .gitignore; files and folders that match one are left out. */
  @ApiProperty(exclude)
  exclude: string[];

  /** Where its files go in the bucket, with the subfolders in which they lie. */
  @ApiProperty(folder)
  folder: string;

  /** Name of the server that watches it. */
  @ApiProperty({ example: 'main' })
  server_name: string;

  /** What keeps it from being watched, in a sentence; null: nothing. */
  @ApiProperty({ type: String, nullable: true, example: null })
  problem: string | null;

  /** Entries that the last walk could not read, or whose names are not UTF-8: they are not taken. */
  @ApiProperty({ type: 'integer', example: 0 })
  unreadable_count: number;

  /** When all of it was last looked at; changes are noticed in between, too. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-11-22T06:52:06.123Z' })
  last_walk_at: string | null;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T06:52:06.123Z' })
  created_at: string;
}

export class WatchedFolderPageDto extends Page {
  @ApiProperty({ type: [WatchedFolderDto] })
  data: WatchedFolderDto[];
}

/** What can be changed; what is left out stays as it is. */
export class ChangeWatchedFolderDto {
  @ApiProperty({ ...include, required: false })
  @IfGiven()
  @IsArray()
  @ArrayMaxSize(MAX_PATTERNS)
  @IsString({ each: true })
  @MaxLength(MAX_PATTERN_CHARS, { each: true })
  include?: string[];

  @ApiProperty({ ...exclude, required: false })
  @IfGiven()
  @IsArray()
  @ArrayMaxSize(MAX_PATTERNS)
  @IsString({ each: true })
  @MaxLength(MAX_PATTERN_CHARS, { each: true })
  exclude?: string[];

  /** For files that are found from now on. */
  @ApiProperty({ ...folder, required: false })
  @IfGiven()
  @IsString()
  @MaxLength(1024)
  folder?: string;
}

export class NewWatchedFolderDto extends ChangeWatchedFolderDto {
  /** Absolute, below one of the operator's LOCAL_FILES_ROOTS. */
  @ApiProperty(path)
  @IsString()
  @MaxLength(MAX_PATH_CHARS)
  path: string;
}
