import { ApiProperty } from '@nestjs/swagger';
import { Transform, type TransformFnParams } from 'class-transformer';
import { IsBoolean } from 'class-validator';

/** What is neither yes nor no stays a text, and fails. */
const toBoolean = ({ value }: TransformFnParams): unknown =>
  ({ true: true, '1': true, false: false, '0': false })[String(value)] ?? value;

export class SaveSettingsQuery {
  /** Tries the settings first and saves them only when every check passed. */
  @ApiProperty({ type: Boolean, required: false, default: false })
  @Transform(toBoolean)
  @IsBoolean()
  test: boolean = false;
}

/** Totals of the user's restorable snapshots. */
export class SnapshotStatsDto {
  @ApiProperty({ type: 'integer', minimum: 0, example: 45 })
  total_snapshots: number;

  /** In units of 10^9 bytes. */
  @ApiProperty({ minimum: 0, example: 120.5 })
  total_size_gb: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2024-12-20T15:00:00.000Z' })
  last_snapshot: string | null;
}

/** A secret field that is stored; its value is never answered. */
export class StoredSecretDto {
  /** Last characters, to recognise it by; empty when it is too short to show any. */
  @ApiProperty({ example: 'x9Qz' })
  last4: string;
}

/** What the connection test found out about the bucket. Absent members are not known yet. */
export class CapabilitiesDto {
  /** Whether the bucket refuses to overwrite an object when asked to. */
  @ApiProperty({ required: false, example: true })
  create_only?: boolean;

  /** Which digest binds a signed upload to one content. */
  @ApiProperty({ required: false, enum: ['sha256', 'md5', 'none'], example: 'sha256' })
  content_bound?: string;
}

/** The settings of the user's bucket, without secrets. */
export class CloudSettingsDto {
  /** null when nothing is configured, as the other members of the settings. */
  @ApiProperty({ type: String, nullable: true, example: 'backblaze_b2' })
  provider: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'dumont-snapshots' })
  bucket_name: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'us-west-004' })
  region: string | null;

  /** Host of the provider that is contacted; null on a local disk. */
  @ApiProperty({ type: String, nullable: true, example: 's3.us-west-004.backblazeb2.com' })
  endpoint: string | null;

  @ApiProperty({ example: true })
  configured: boolean;

  /** When the saved settings were last tested. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2024-12-20T15:30:00.000Z' })
  last_test: string | null;

  @ApiProperty({ type: Boolean, nullable: true, example: true })
  last_test_success: boolean | null;

  stats: SnapshotStatsDto;

  /** Whether credentials are stored. */
  @ApiProperty({ example: true })
  has_secret: boolean;

  /** Last characters of the main secret. */
  @ApiProperty({ type: String, nullable: true, example: 'x9Qz' })
  last4: string | null;

  /** All settings that are not secret, by field name. */
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { bucket_name: 'dumont-snapshots', region: 'us-west-004', prefix: 'stowage/' },
  })
  settings: Record<string, string>;

  /** The secret fields that are stored, by field name. */
  @ApiProperty({
    type: 'object',
    additionalProperties: { $ref: '#/components/schemas/StoredSecretDto' },
    example: { application_key: { last4: 'x9Qz' } },
  })
  secrets: Record<string, StoredSecretDto>;

  capabilities: CapabilitiesDto;

  /** Counts the changes; also in the ETag. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 3 })
  version: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2024-12-20T15:29:58.000Z' })
  updated_at: string | null;
}

/** Answer to a change of the settings. */
export class SavedSettingsDto {
  @ApiProperty({ example: true })
  success: boolean;

  @ApiProperty({ example: 'Cloud storage configured successfully' })
  message: string;

  @ApiProperty({ example: 'backblaze_b2' })
  provider: string;

  @ApiProperty({ example: 'my-dumont-snapshots' })
  bucket_name: string;
}

/** Answer to DELETE. */
export class ForgottenSettingsDto {
  @ApiProperty({ example: true })
  success: boolean;

  @ApiProperty({ example: 'Cloud storage credentials forgotten' })
  message: string;
}
