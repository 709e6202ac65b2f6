import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsUUID } from 'class-validator';
import { READ_DATA, type ReadDataChoice } from './repository-checks.service.js';

export class CheckedWorkspaceParams {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  @IsUUID()
  id: string;
}

export class NewCheckDto {
  /**
   * How much of the content is read back besides the structure: `none`, today's thirtieth (`share`), or `all`, which
   * costs the download of everything that is stored.
   */
  @ApiProperty({ enum: READ_DATA, enumName: 'ReadData', default: 'share', required: false })
  @IsIn(READ_DATA)
  read_data: ReadDataChoice = 'share';
}
