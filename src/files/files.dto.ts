import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsInt, Max, Min } from 'class-validator';
import { Page, toBoolean, toInteger } from '../rest/page.dto.js';
import { PROVIDER_NAMES, type ProviderName } from '../storage-providers/storage-provider.js';
import { MAX_FOLDER_CHARS } from './folder-path.js';
import { PresentationFields } from './presentation.dto.js';
import { type Disposition, DISPOSITIONS } from './presentation.js';
import { MAX_TAGS } from './tags.js';
import { MAX_DOWNLOAD_URL_SECONDS } from './upload-limits.js';

/** A file in the user's bucket. */
export class FileDto {
  @ApiProperty({ type: 'integer', minimum: 1, example: 4217 })
  id: number;

  /** As it was sent, at most 255 characters. A name, never a path. */
  @ApiProperty({ maxLength: 255, example: 'q3-report.pdf' })
  filename: string;

  /** In bytes. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 482133 })
  file_size: number;

  /** As the client declared it. */
  @ApiProperty({ example: 'application/pdf' })
  content_type: string;

  /** SHA-256 of the content, in hex. */
  @ApiProperty({
    type: String,
    nullable: true,
    example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  })
  checksum: string | null;

  /** Kind of the store that holds it. */
  @ApiProperty({ enum: PROVIDER_NAMES, example: 'backblaze_b2' })
  provider: ProviderName;

  /** Where the object is, for people; it gives no access. */
  @ApiProperty({ example: 's3://my-bucket/f/0b0e…/5c1d…' })
  cloud_url: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T10:15:30.123Z' })
  uploaded_at: string;

  /** When it was last downloaded, or a URL for that was given out. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-11-23T08:00:00.000Z' })
  last_accessed: string | null;

  /** The file of this host that it is a copy of. */
  @ApiProperty({ type: 'integer', nullable: true, example: null })
  local_file_id: number | null;

  /** Empty for the top, otherwise names that each end with a slash. */
  @ApiProperty({ maxLength: MAX_FOLDER_CHARS, example: 'reports/2026/' })
  folder: string;

  /** In the order of their code points. */
  @ApiProperty({ type: [String], maxItems: MAX_TAGS, example: ['finance', 'q3'] })
  tags: string[];

  /** Neither deleted nor put into the trash, by nobody, until this is taken back. */
  @ApiProperty({ example: false })
  protected: boolean;

  /** From 1; grows with each new content. */
  @ApiProperty({ type: 'integer', minimum: 1, example: 1 })
  version: number;

  /** Who computed the checksum: this server, the provider that compared it, or the client that announced it. */
  @ApiProperty({ enum: ['server', 'provider', 'client'], example: 'server' })
  checksum_source: 'server' | 'provider' | 'client';

  /** Since when its object was not found in the bucket. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  missing_since: string | null;

  /** When it was put into the trash; null for a file that is not there. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  trashed_at: string | null;
}

/** One page of files. */
export class FilePageDto extends Page {
  data: FileDto[];
}

/** The files of a form that used the field `files`, in its order. */
export class UploadedFilesDto {
  data: FileDto[];
}

/** How a file is deleted. */
export class DeleteFileQuery {
  /** For good, without the trash. */
  @ApiProperty({ required: false, default: false })
  @Transform(toBoolean)
  @IsBoolean()
  permanently: boolean = false;
}

/** How long the URL shall work, and how the download arrives. */
export class CreateDownloadUrl extends PresentationFields {
  /** At most a week. */
  @ApiProperty({
    type: 'integer',
    minimum: 1,
    maximum: MAX_DOWNLOAD_URL_SECONDS,
    default: 3600,
    required: false,
    example: 3600,
  })
  @IsInt()
  @Min(1)
  @Max(MAX_DOWNLOAD_URL_SECONDS)
  expires_in_seconds: number = 3600;
}

/** Whoever has this URL can download the file until it expires, without an API key. */
export class DownloadUrlDto {
  @ApiProperty({ format: 'uri', example: 'https://my-bucket.s3.eu-central-1.amazonaws.com/f/0b0e…?X-Amz-…' })
  download_url: string;

  /** null for a bucket that cannot sign URLs: then it is a URL of this server that asks for your API key. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-11-22T11:15:30.000Z' })
  expires_at: string | null;

  /** Under which the download is saved. */
  @ApiProperty({ example: 'q3-report.pdf' })
  filename: string;

  /** What browsers do with it: `attachment` also where `inline` was asked for a content that could run. */
  @ApiProperty({ enum: DISPOSITIONS, example: 'attachment' })
  disposition: Disposition;

  /** In bytes. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 482133 })
  file_size: number;

  /** SHA-256 of the content, in hex, to compare with what was downloaded. */
  @ApiProperty({
    type: String,
    nullable: true,
    example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  })
  checksum: string | null;
}

/** Which leftovers to look for. */
export class LeftoversQuery {
  /** Younger ones may belong to uploads that are under way. */
  @ApiProperty({ type: 'integer', minimum: 0, maximum: 31536000, default: 86400, required: false })
  @Transform(toInteger)
  @IsInt()
  @Min(0)
  @Max(31_536_000)
  older_than_seconds: number = 86_400;
}

/** A row whose upload or deletion ended half-way; it is not shown as a file. */
export class UnfinishedFileDto {
  @ApiProperty({ type: 'integer', example: 4218 })
  file_id: number;

  @ApiProperty({ example: 'video.mkv' })
  filename: string;

  @ApiProperty({ enum: ['pending', 'deleting'], example: 'pending' })
  state: 'pending' | 'deleting';

  @ApiProperty({ example: 'f/0b0e…/5c1d…' })
  object_key: string;

  /** The provider's id of the multipart upload. */
  @ApiProperty({ type: String, nullable: true, example: '2~k3…' })
  upload_id: string | null;

  @ApiProperty({ format: 'date-time', example: '2026-11-20T10:15:30.123Z' })
  since: string;
}

/** An object in the bucket that no file and no unfinished row names. */
export class UnnamedObjectDto {
  @ApiProperty({ example: 'f/0b0e…/5c1d…' })
  object_key: string;

  /** In bytes. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 10240 })
  size: number;

  @ApiProperty({ format: 'date-time', example: '2026-11-20T10:15:30.000Z' })
  last_modified: string;
}

/** A multipart upload at the provider that nobody knows; its parts cost storage. */
export class UnnamedUploadDto {
  @ApiProperty({ example: 'f/0b0e…/5c1d…' })
  object_key: string;

  @ApiProperty({ example: '2~k3…' })
  upload_id: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-20T10:15:30.000Z' })
  started_at: string;
}

/** What interrupted uploads and deletions left in the bucket and in the database. Looking changes nothing. */
export class LeftoversDto {
  @ApiProperty({ format: 'date-time', example: '2026-11-22T10:15:30.123Z' })
  checked_at: string;

  /** How many objects of files the bucket holds. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 48213 })
  scanned_objects: number;

  files: UnfinishedFileDto[];
  objects: UnnamedObjectDto[];
  uploads: UnnamedUploadDto[];

  /** Whether there are more than the 1,000 of each kind that are shown. */
  @ApiProperty({ example: false })
  truncated: boolean;
}
