import { ApiProperty } from '@nestjs/swagger';
import { IsUUID } from 'class-validator';

export class RepositoryPasswordParams {
  @ApiProperty({ format: 'uuid', description: 'Of the workspace.' })
  @IsUUID()
  id: string;
}

/** What stock restic needs to open a workspace's repository. */
export class RepositoryPasswordDto {
  @ApiProperty({
    description: 'For `RESTIC_REPOSITORY` or `restic -r`.',
    example: 's3:https://s3.us-west-2.amazonaws.com/my-bucket/stowage/repositories/5f0b6c1e-…',
  })
  location: string;

  @ApiProperty({
    description: 'For `RESTIC_PASSWORD`. Whoever has it and the bucket can read all snapshots.',
  })
  password: string;

  @ApiProperty({
    description: 'Other variables that restic needs, with what belongs there: your bucket’s own credentials.',
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { AWS_ACCESS_KEY_ID: 'the id of the bucket’s key' },
  })
  environment: Readonly<Record<string, string>>;
}
