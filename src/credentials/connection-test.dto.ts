import { ApiProperty } from '@nestjs/swagger';
import { CHECK_IDS, CLEANUP } from '../storage-providers/connection-checks/check.js';

/** One named step of the connection test. */
export class CheckDto {
  @ApiProperty({ enum: [...CHECK_IDS, CLEANUP.id], example: 'write' })
  id: string;

  @ApiProperty({ example: 'An object can be written' })
  title: string;

  /** A warning does not keep Stowage from working; a check is skipped when the one that it stands on failed. */
  @ApiProperty({ enum: ['passed', 'failed', 'skipped', 'warning'], example: 'failed' })
  status: string;

  @ApiProperty({ type: 'integer', minimum: 0, example: 38 })
  latency_ms: number;

  /** Stable name of what went wrong. */
  @ApiProperty({ required: false, example: 'access_denied' })
  code?: string;

  /** What happened, as a sentence. */
  @ApiProperty({
    required: false,
    example: 'AWS S3 refused to store an object: the key lacks the permission s3:PutObject.',
  })
  detail?: string;

  /** The line that repairs it. */
  @ApiProperty({
    required: false,
    example: 'Grant s3:PutObject on arn:aws:s3:::my-bucket/* to the owner of this access key.',
  })
  repair?: string;

  /** What was measured. */
  @ApiProperty({
    type: 'object',
    selfRequired: false,
    additionalProperties: { oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
    example: { provider_ahead_ms: 0 },
  })
  observed?: Record<string, string | number | boolean>;
}

/** Result of a connection test. */
export class ConnectionTestDto {
  @ApiProperty({ example: true })
  success: boolean;

  @ApiProperty({ example: 'Connection successful' })
  message: string;

  /** One authenticated request to the bucket. */
  @ApiProperty({ type: 'integer', minimum: 0, example: 45 })
  latency_ms: number;

  /** null: could not be found out. So for the permissions. */
  @ApiProperty({ type: Boolean, nullable: true, example: true })
  bucket_accessible: boolean | null;

  @ApiProperty({ type: Boolean, nullable: true, example: true })
  write_permission: boolean | null;

  @ApiProperty({ type: Boolean, nullable: true, example: true })
  read_permission: boolean | null;

  @ApiProperty({ type: Boolean, nullable: true, example: true })
  delete_permission: boolean | null;

  /** Category of the first failure. */
  @ApiProperty({ required: false, example: 'Invalid credentials' })
  error?: string;

  /** What happened, as a sentence. */
  @ApiProperty({ required: false, example: 'The provided key_id is not valid.' })
  details?: string;

  /** The line that repairs it. */
  @ApiProperty({ required: false, example: 'Copy key_id and application_key again from App Keys.' })
  repair?: string;

  /** All checks in their order. */
  @ApiProperty({ type: [CheckDto] })
  checks: CheckDto[];
}
