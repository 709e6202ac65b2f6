import { ApiProperty } from '@nestjs/swagger';

/** One wrong field. */
export class FieldProblem {
  /** JSON pointer into the body, or the name of a parameter. */
  @ApiProperty({ example: '/bucket_name' })
  pointer: string;

  /** What is wrong with it. */
  @ApiProperty({ example: 'must be 3 to 63 lower-case letters, digits, dots or dashes' })
  detail: string;

  /** Stable name of the broken rule. */
  @ApiProperty({ example: 'matches' })
  code: string;
}

/** What the storage provider said. */
export class ProviderProblem {
  /** The refused call. */
  @ApiProperty({ example: 'put' })
  operation: string;

  /** The missing permission in the provider's words. */
  @ApiProperty({ example: 's3:PutObject' })
  permission?: string;

  /** The provider's own code. */
  @ApiProperty({ example: 'AccessDenied' })
  provider_code?: string;

  /** The provider's request id, for its support. */
  @ApiProperty({ example: '4442587FB7D0A2F9' })
  request_id?: string;
}

/** Every error answer: RFC 9457 problem details with members of our own. */
export class Problem {
  /** Page that explains the code. */
  @ApiProperty({ format: 'uri-reference', example: '/docs/errors#validation_failed' })
  type: string;

  /** The code in words. */
  @ApiProperty({ example: 'Validation failed' })
  title: string;

  /** HTTP status. */
  @ApiProperty({ type: 'integer', minimum: 400, maximum: 599, example: 400 })
  status: number;

  /** What happened and what to do, for a person. */
  @ApiProperty({ example: 'The request is not valid. /bucket_name: must not be empty' })
  detail: string;

  /** Path of the request. */
  @ApiProperty({ format: 'uri-reference', example: '/api/v1/settings/cloud-storage' })
  instance: string;

  /** Stable and documented; programs decide by it. */
  @ApiProperty({ example: 'validation_failed' })
  code: string;

  /** Also in the X-Request-Id header and in the server's log. */
  @ApiProperty({ example: '3f2c8f0e-5f0b-4b7e-9f43-0d8f6a1d9a10' })
  request_id: string;

  /** Whether the same request may succeed later without a change. */
  @ApiProperty({ example: false })
  retryable: boolean;

  /** All wrong fields at once. */
  @ApiProperty({ type: [FieldProblem], required: false })
  errors?: FieldProblem[];

  @ApiProperty({ type: ProviderProblem, required: false })
  provider?: ProviderProblem;

  /** The line that repairs it. */
  @ApiProperty({ required: false, example: 'Grant s3:PutObject on arn:aws:s3:::my-bucket/*' })
  hint?: string;
}
