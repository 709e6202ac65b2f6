import { ApiProperty } from '@nestjs/swagger';
import { IsString, Length, Matches } from 'class-validator';
import { NAME, NAME_RULE } from './limits.js';
import { UserDto } from './users.dto.js';

export class SetupDto {
  /** The last part of the setup link. */
  @ApiProperty({ example: 'cBpbq0bZb1nCkF3r0wq3Xxg2zq1o2m0r4t6v8x0z2B4' })
  @IsString()
  @Length(1, 200)
  token: string;

  /** Of the first administrator. */
  @ApiProperty({ minLength: 1, maxLength: 200, example: 'Ada' })
  @Matches(NAME, NAME_RULE)
  name: string;
}

export class SetupResultDto {
  @ApiProperty({ type: UserDto })
  user: UserDto;

  /** The administrator's key. It is shown this once and cannot be shown again. */
  @ApiProperty({ example: 'stw_admin_000000000000000000000000000000…' })
  api_key: string;
}
