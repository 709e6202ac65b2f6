import { ApiProperty } from '@nestjs/swagger';

/** Answer of the implementation guide. */
export class ConfiguredDto {
  @ApiProperty({ example: true })
  success: boolean;
}
