import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsUUID, Matches, Max, Min, ValidateIf } from 'class-validator';
import { IsMoment } from '../rest/is-moment.decorator.js';
import { Page, PageQuery, toInteger } from '../rest/page.dto.js';
import { KEY_KINDS, type KeyKind } from './api-key-format.js';
import type { GivenKind } from './api-keys.service.js';
import { MAX_USER_ID, NAME, NAME_RULE } from './limits.js';
import { type Scope, SCOPES } from './principal.js';

const GIVEN_KINDS = ['admin', 'user', 'agent'] as const satisfies readonly GivenKind[];

/** A key without the key itself. */
export class ApiKeyDto {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  id: string;

  @ApiProperty({ type: 'integer', example: 1 })
  user_id: number;

  /** `session`: in the cookie of a browser that signed in. */
  @ApiProperty({ enum: KEY_KINDS, example: 'user' })
  kind: KeyKind;

  @ApiProperty({ example: 'Laptop' })
  name: string;

  /** What it may do; `admin` includes `user`. */
  @ApiProperty({ enum: SCOPES, isArray: true, example: ['user'] })
  scopes: Scope[];

  /** Its last four characters, to tell keys apart. */
  @ApiProperty({ example: '7xQ2' })
  last4: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T06:52:06.123Z' })
  created_at: string;

  /** From then on it is refused; null: never. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  expires_at: string | null;

  /** Some seconds late. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-11-22T07:00:00.000Z' })
  last_used_at: string | null;

  /** Since then it is refused; null: it is not revoked. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  revoked_at: string | null;
}

export class CreatedApiKeyDto extends ApiKeyDto {
  /** The key itself. It is shown this once and cannot be shown again. */
  @ApiProperty({ example: 'stw_user_000000000000000000000000000000…' })
  key: string;
}

export class ApiKeyPageDto extends Page {
  @ApiProperty({ type: [ApiKeyDto] })
  data: ApiKeyDto[];
}

export class ApiKeyQuery extends PageQuery {
  /** Another user's keys; administrators only. */
  @ApiProperty({ type: 'integer', required: false, minimum: 1, maximum: MAX_USER_ID })
  @IsOptional()
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(MAX_USER_ID)
  user_id?: number;
}

export class ApiKeyIdParams {
  @ApiProperty({ format: 'uuid' })
  @IsUUID()
  id: string;
}

export class NewApiKeyDto {
  /** What it is for. */
  @ApiProperty({ minLength: 1, maxLength: 200, example: 'Laptop' })
  @Matches(NAME, NAME_RULE)
  name: string;

  /** What it may do. Nobody can make a key that may do more than their own. */
  @ApiProperty({ enum: GIVEN_KINDS, default: 'user', example: 'user', required: false })
  @IsIn(GIVEN_KINDS)
  kind: GivenKind = 'user';

  /** From then on it is refused. Left out: never. */
  @ApiProperty({
    type: String,
    required: false,
    nullable: true,
    format: 'date-time',
    example: '2027-01-01T00:00:00Z',
  })
  @IsOptional()
  @IsMoment()
  expires_at?: string | null;

  /** Whose key it will be; administrators only. Left out: the caller's. */
  @ApiProperty({ type: 'integer', required: false, minimum: 1, maximum: MAX_USER_ID, example: 1 })
  @ValidateIf((_, value) => value !== undefined)
  @IsInt()
  @Min(1)
  @Max(MAX_USER_ID)
  user_id?: number;
}
