import { ApiProperty } from '@nestjs/swagger';
import { IsString, Length } from 'class-validator';
import { ApiKeyDto } from './api-keys.dto.js';
import { UserDto } from './users.dto.js';

/** The caller. */
export class MeDto {
  @ApiProperty({ type: UserDto })
  user: UserDto;

  /** The key of this request. */
  @ApiProperty({ type: ApiKeyDto })
  api_key: ApiKeyDto;
}

export class NewSessionDto {
  /** An administrator's or user's key. */
  @ApiProperty({ example: 'stw_user_000000000000000000000000000000…' })
  @IsString()
  @Length(1, 200)
  api_key: string;
}
