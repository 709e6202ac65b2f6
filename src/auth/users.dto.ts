import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsInt, Matches, Max, Min, ValidateIf } from 'class-validator';
import { Page, toInteger } from '../rest/page.dto.js';
import { MAX_USER_ID, NAME, NAME_RULE } from './limits.js';

/** Somebody whose bucket and files these are. */
export class UserDto {
  @ApiProperty({ type: 'integer', minimum: 1, example: 1 })
  id: number;

  @ApiProperty({ example: 'Ada' })
  name: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-22T06:52:06.123Z' })
  created_at: string;

  /** Since when the user's keys are refused; null: they are not. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  disabled_at: string | null;

  /** How much the user's files may take in all: with kept versions and the trash. null: as much as the bucket holds. */
  @ApiProperty({ type: 'integer', minimum: 0, nullable: true, example: 10737418240 })
  quota_bytes: number | null;
}

export class UserPageDto extends Page {
  @ApiProperty({ type: [UserDto] })
  data: UserDto[];
}

export class UserIdParams {
  @ApiProperty({ type: 'integer', minimum: 1, maximum: MAX_USER_ID, example: 1 })
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  @Max(MAX_USER_ID)
  id: number;
}

export class NewUserDto {
  /** Any name by which people know them; need not be unique. */
  @ApiProperty({ minLength: 1, maxLength: 200, example: 'Ada' })
  @Matches(NAME, NAME_RULE)
  name: string;
}

/** An omitted field keeps its value; null is no value. */
const IfGiven = () => ValidateIf((_, value) => value !== undefined);

/** What is left out stays as it is. */
export class ChangeUserDto {
  @ApiProperty({ required: false, minLength: 1, maxLength: 200, example: 'Ada' })
  @IfGiven()
  @Matches(NAME, NAME_RULE)
  name?: string;

  /** Whether the user's keys are refused. */
  @ApiProperty({ required: false, example: true })
  @IfGiven()
  @IsBoolean()
  disabled?: boolean;

  /** In bytes; null takes the limit away. What is stored already stays, also when it is more. */
  @ApiProperty({
    required: false,
    type: 'integer',
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    nullable: true,
    example: 10737418240,
  })
  @ValidateIf((_, value) => value !== undefined && value !== null)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  quota_bytes?: number | null;
}
