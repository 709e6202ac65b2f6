import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsInt, Max, Min, ValidateIf } from 'class-validator';
import {
  MAX_FILE_SIZE_BYTES,
  MAX_KEEP_VERSIONS,
  MAX_RETENTION_DAYS,
  MAX_TRASH_DAYS,
} from './sync-settings.js';

/** What happens to files that the application makes on this host, and how large an upload may be. */
export class SyncSettingsDto {
  /** Upload new local files without being asked. */
  @ApiProperty({ example: false, default: false })
  auto_upload: boolean;

  /** Upload a local file at the moment it is created. */
  @ApiProperty({ example: false, default: false })
  sync_on_create: boolean;

  /** Days after which uploaded files may be removed from the bucket. */
  @ApiProperty({ type: 'integer', minimum: 1, maximum: MAX_RETENTION_DAYS, example: 365, default: 365 })
  retention_days: number;

  /** The largest file that an upload may carry, in bytes. */
  @ApiProperty({
    type: 'integer',
    minimum: 1,
    maximum: MAX_FILE_SIZE_BYTES,
    example: 104857600,
    default: 104857600,
  })
  max_file_size: number;

  /** Days for which deleted files stay in the trash; 0: they are deleted at once. */
  @ApiProperty({ type: 'integer', minimum: 0, maximum: MAX_TRASH_DAYS, example: 30, default: 30 })
  trash_days: number;

  /** Earlier contents that are kept of each file. */
  @ApiProperty({ type: 'integer', minimum: 0, maximum: MAX_KEEP_VERSIONS, example: 10, default: 10 })
  keep_versions: number;
}

/** An omitted field keeps its value; null is no value. */
const IfGiven = () => ValidateIf((_, value) => value !== undefined);

/** The settings to change; what is left out stays as it is. */
export class ChangeSyncSettings {
  /** Upload new local files without being asked. */
  @ApiProperty({ required: false, example: true })
  @IfGiven()
  @IsBoolean()
  auto_upload?: boolean;

  /** Upload a local file at the moment it is created. */
  @ApiProperty({ required: false, example: false })
  @IfGiven()
  @IsBoolean()
  sync_on_create?: boolean;

  /** Days after which uploaded files may be removed from the bucket. */
  @ApiProperty({ required: false, type: 'integer', minimum: 1, maximum: MAX_RETENTION_DAYS, example: 365 })
  @IfGiven()
  @IsInt()
  @Min(1)
  @Max(MAX_RETENTION_DAYS)
  retention_days?: number;

  /** The largest file that an upload may carry, in bytes. */
  @ApiProperty({
    required: false,
    type: 'integer',
    minimum: 1,
    maximum: MAX_FILE_SIZE_BYTES,
    example: 104857600,
  })
  @IfGiven()
  @IsInt()
  @Min(1)
  @Max(MAX_FILE_SIZE_BYTES)
  max_file_size?: number;

  /** Days for which deleted files stay in the trash; 0: they are deleted at once. */
  @ApiProperty({ required: false, type: 'integer', minimum: 0, maximum: MAX_TRASH_DAYS, example: 30 })
  @IfGiven()
  @IsInt()
  @Min(0)
  @Max(MAX_TRASH_DAYS)
  trash_days?: number;

  /** Earlier contents that are kept of each file. */
  @ApiProperty({ required: false, type: 'integer', minimum: 0, maximum: MAX_KEEP_VERSIONS, example: 10 })
  @IfGiven()
  @IsInt()
  @Min(0)
  @Max(MAX_KEEP_VERSIONS)
  keep_versions?: number;
}
