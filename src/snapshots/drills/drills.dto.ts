import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, IsUUID } from 'class-validator';

export class DrilledWorkspaceParams {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  @IsUUID()
  id: string;
}

export class NewDrillDto {
  /** Which snapshot is restored; the newest when absent. */
  @ApiProperty({ format: 'uuid', required: false, example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a11' })
  @IsOptional()
  @IsUUID()
  snapshot_id?: string;
}
