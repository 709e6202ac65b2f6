import { ApiProperty } from '@nestjs/swagger';
import { Length, Matches } from 'class-validator';
import type { StoreIndexRequest } from '../../../agent-protocol/messages.js';
import { MAX_INDEX_FILE_BYTES } from '../../../agent-protocol/protocol.js';
import { IgnoresUnknownFields } from '../../../rest/unknown-fields.decorator.js';
import { FileId, Nested } from './field-rules.js';
import { LeaseHoldDto } from './heartbeat.dto.js';

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const MAX_BASE64_CHARS = 4 * Math.ceil(MAX_INDEX_FILE_BYTES / 3);

/** Its other fields need less than this. */
const MAX_ENVELOPE_BYTES = 64 * 1_024;

/** Time for slow lines: the largest of these in ten minutes is 300 kbit/s. */
export const STORE_INDEX_LIMITS = {
  sizeBytes: MAX_BASE64_CHARS + MAX_ENVELOPE_BYTES,
  deadlineMs: 10 * 60_000,
};

@IgnoresUnknownFields()
export class StoreIndexDto implements StoreIndexRequest {
  @Nested(() => LeaseHoldDto)
  access: LeaseHoldDto;

  /** SHA-256 of the file. */
  @FileId()
  id: string;

  /** The sealed file. */
  @ApiProperty({ format: 'byte', minLength: 1, maxLength: MAX_BASE64_CHARS, example: 'c2VhbGVk' })
  @Length(1, MAX_BASE64_CHARS)
  @Matches(BASE64, { message: 'must be base64' })
  bytes: string;
}
