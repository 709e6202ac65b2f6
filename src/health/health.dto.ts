import { ApiProperty } from '@nestjs/swagger';

/** State of one thing that the server depends on. */
export class DependencyHealth {
  @ApiProperty({ enum: ['up', 'down'], example: 'up' })
  status: string;

  /** Why it is down. */
  @ApiProperty({ required: false, example: 'does not answer' })
  message?: string;
}

/** Whether requests can be served. */
export class Health {
  @ApiProperty({ enum: ['ok', 'error', 'shutting_down'], example: 'ok' })
  status: string;

  /** By name: process, database, credentials. */
  @ApiProperty({
    type: 'object',
    additionalProperties: { $ref: '#/components/schemas/DependencyHealth' },
    example: { database: { status: 'up' } },
  })
  details: Record<string, DependencyHealth>;
}
