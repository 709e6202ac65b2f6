import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, Max, Min } from 'class-validator';
import { PageQuery, toInteger } from '../rest/page.dto.js';
import type { ProviderName } from '../storage-providers/storage-provider.js';

/** A file, with the member names of the implementation guide. */
export class CloudFileDto {
  @ApiProperty({ example: '4217' })
  id: string;

  @ApiProperty({ example: 'q3-report.pdf' })
  filename: string;

  /** In bytes. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 482133 })
  size: number;

  /** Where the object is, for people; it gives no access. */
  @ApiProperty({ example: 's3://my-bucket/f/0b0e…/5c1d…' })
  cloudUrl: string;

  @ApiProperty({ type: String, example: 'backblaze_b2' })
  provider: ProviderName;

  /** SHA-256 of the content, in hex. */
  @ApiProperty({
    type: String,
    nullable: true,
    example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  })
  checksum: string | null;

  @ApiProperty({ example: 'application/pdf' })
  contentType: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T10:15:30.123Z' })
  uploadedAt: string;
}

/** Which of the user's files to list; the newest come first. */
export class CloudFilesQuery extends PageQuery {
  /** How many at most; a Link header leads to the next ones. */
  @ApiProperty({ type: 'integer', minimum: 1, maximum: 1000, default: 1000, required: false })
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(1000)
  override limit: number = 1000;
}

/** Whoever has this URL can download the file until it expires, without an API key. */
export class CloudDownloadDto {
  @ApiProperty({ format: 'uri', example: 'https://my-bucket.s3.eu-central-1.amazonaws.com/f/0b0e…?X-Amz-…' })
  downloadUrl: string;

  /** null for a bucket that cannot sign URLs: then it is a URL of this server that asks for your API key. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-11-22T11:15:30.000Z' })
  expiresAt: string | null;

  @ApiProperty({ example: 'q3-report.pdf' })
  filename: string;

  /** In bytes. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 482133 })
  size: number;
}
