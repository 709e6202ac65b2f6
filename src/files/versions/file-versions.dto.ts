import { ApiProperty } from '@nestjs/swagger';
import { Page } from '../../rest/page.dto.js';
import { PROVIDER_NAMES, type ProviderName } from '../../storage-providers/storage-provider.js';

/** One content of a file. */
export class FileVersionDto {
  /** From 1. */
  @ApiProperty({ type: 'integer', minimum: 1, example: 3 })
  version: number;

  /** In bytes. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 482133 })
  file_size: number;

  @ApiProperty({ example: 'application/pdf' })
  content_type: string;

  /** SHA-256 of the content, in hex. */
  @ApiProperty({ type: String, nullable: true, example: null })
  checksum: string | null;

  @ApiProperty({ enum: ['server', 'provider', 'client'], example: 'server' })
  checksum_source: 'server' | 'provider' | 'client';

  /** Kind of the store that holds it. */
  @ApiProperty({ enum: PROVIDER_NAMES, example: 'backblaze_b2' })
  provider: ProviderName;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T10:15:30.123Z' })
  uploaded_at: string;

  /** When another content took its place; null for the present one. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  superseded_at: string | null;
}

/** A file's contents, the newest first. */
export class FileVersionPageDto extends Page {
  data: FileVersionDto[];
}
