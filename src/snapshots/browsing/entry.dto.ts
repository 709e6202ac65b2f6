import { ApiProperty, IntersectionType } from '@nestjs/swagger';
import { IsOptional, IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import { Page, PageQuery } from '../../rest/page.dto.js';

const MAX_PATH_CHARS = 16_384;

/** Where to look in a snapshot. */
export class ContentParameters {
  /** Relative to the workspace; empty or absent: the workspace itself. */
  @ApiProperty({ required: false, maxLength: MAX_PATH_CHARS, example: 'src/main.ts' })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_PATH_CHARS)
  path?: string;

  /** Instead of `path`, for names that are no UTF-8: `raw_path` of an earlier answer. */
  @ApiProperty({ required: false, maxLength: MAX_PATH_CHARS })
  @IsOptional()
  @Matches(/^[\w-]+$/, { message: 'must be the raw_path of an earlier answer' })
  @MaxLength(MAX_PATH_CHARS)
  raw_path?: string;
}

/** Where to look in a snapshot, page by page. */
export class PathParameters extends IntersectionType(PageQuery, ContentParameters) {}

export class DiffParameters extends PageQuery {
  /** Another snapshot of the same workspace; the one before when absent. */
  @ApiProperty({ required: false, format: 'uuid' })
  @IsOptional()
  @IsUUID()
  against?: string;
}

export const ENTRY_TYPES = [
  'file',
  'dir',
  'symlink',
  'dev',
  'chardev',
  'fifo',
  'socket',
  'irregular',
] as const;

/** A file, directory or something else in a snapshot. */
export class EntryDto {
  /** Bytes that are no UTF-8 are replaced. */
  @ApiProperty({ example: 'main.ts' })
  name: string;

  /** From the workspace. */
  @ApiProperty({ example: '/src/main.ts' })
  path: string;

  /** The path's bytes in base64url, where `path` cannot say them; otherwise null. */
  @ApiProperty({ type: String, nullable: true, example: null })
  raw_path: string | null;

  @ApiProperty({ enum: ENTRY_TYPES, enumName: 'EntryType' })
  type: (typeof ENTRY_TYPES)[number];

  /** Of a file. */
  @ApiProperty({ type: 'integer', minimum: 0, nullable: true, example: 4217 })
  size_bytes: number | null;

  /** Null: a moment that no calendar has. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-11-22T06:52:06.123Z' })
  modified_at: string | null;

  /** Permissions in octal. */
  @ApiProperty({ example: '0644' })
  mode: string;

  @ApiProperty({ type: 'integer', example: 1000 })
  uid: number;

  @ApiProperty({ type: 'integer', example: 1000 })
  gid: number;

  /** Of a symbolic link. */
  @ApiProperty({ type: String, nullable: true, example: null })
  link_target: string | null;
}

/** Something that is wrong with a directory in a snapshot. */
export class EntryProblemDto {
  @ApiProperty({ example: 'unsafe_repository' })
  code: string;

  @ApiProperty({ example: 'tree 5d1f… is unsafe: an entry is called "..".' })
  detail: string;
}

export class EntryPageDto extends Page {
  @ApiProperty({ type: [EntryDto] })
  data: EntryDto[];

  /** What is wrong with this part of the directory. Entries that would be unsafe to use are left out. */
  @ApiProperty({ type: [EntryProblemDto] })
  problems: EntryProblemDto[];
}

/** One content that a path has had. */
export class FileVersionDto {
  entry: EntryDto;

  /** The newest snapshot that has it. */
  @ApiProperty({ format: 'uuid' })
  newest_snapshot_id: string;

  @ApiProperty({ format: 'date-time' })
  newest_received_at: string;

  @ApiProperty({ format: 'uuid' })
  oldest_snapshot_id: string;

  @ApiProperty({ format: 'date-time' })
  oldest_received_at: string;

  @ApiProperty({ type: 'integer', minimum: 1, example: 12 })
  snapshot_count: number;
}

export class FileVersionsDto {
  /** Newest first. */
  @ApiProperty({ type: [FileVersionDto] })
  data: FileVersionDto[];

  /** Snapshots in which nothing lies under the path. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 3 })
  absent_from: number;

  @ApiProperty({ type: 'integer', minimum: 1, example: 480 })
  examined_snapshots: number;

  /** False: there are older snapshots that were not looked into. */
  @ApiProperty({ example: true })
  is_complete: boolean;
}

export class SnapshotChangeDto {
  /** `modified`: other content. `metadata`: only mode, owner, time or attributes differ. `type`: another kind of entry. */
  @ApiProperty({ enum: ['added', 'removed', 'modified', 'metadata', 'type'], enumName: 'ChangeKind' })
  kind: 'added' | 'removed' | 'modified' | 'metadata' | 'type';

  @ApiProperty({ type: EntryDto, nullable: true })
  before: EntryDto | null;

  @ApiProperty({ type: EntryDto, nullable: true })
  after: EntryDto | null;
}

/** What has changed from one snapshot to another. */
export class SnapshotDiffDto extends Page {
  @ApiProperty({ format: 'uuid' })
  from_snapshot_id: string;

  @ApiProperty({ format: 'uuid' })
  to_snapshot_id: string;

  /** Directory by directory, from the top. */
  @ApiProperty({ type: [SnapshotChangeDto] })
  data: SnapshotChangeDto[];
}
