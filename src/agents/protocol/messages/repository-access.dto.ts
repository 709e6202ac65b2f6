import { ApiProperty } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import type {
  LeaseGrant,
  LeaseRequest,
  RepositoryAccess,
  RepositoryKeys,
  RestoreGrant,
} from '../../../agent-protocol/messages.js';
import { validationFailed } from '../../../errors/request-errors.js';
import { IgnoresUnknownFields } from '../../../rest/unknown-fields.decorator.js';
import { Uuid, wholeNumber } from './field-rules.js';
import { LeaseHoldDto } from './heartbeat.dto.js';

@IgnoresUnknownFields()
export class LeaseRequestDto implements LeaseRequest {
  @Uuid()
  workspace_id: string;
}

export class RepositoryKeysDto implements RepositoryKeys {
  /** JSON as in a restic key file. Never to be written to a disk. */
  @ApiProperty({ example: '{"mac":{"k":"…","r":"…"},"encrypt":"…"}' })
  master_key: string;

  /** The JSON of restic’s `config`. */
  @ApiProperty({ example: '{"version":2,"id":"…","chunker_polynomial":"…"}' })
  config: string;
}

export class LeaseGrantDto extends LeaseHoldDto implements LeaseGrant {
  @ApiProperty({ type: 'integer', example: 90 })
  ttl_seconds: number;

  @ApiProperty({ type: RepositoryKeysDto })
  repository: RepositoryKeysDto;

  /** A commit names the one that its index was loaded in. */
  @ApiProperty({ type: 'integer', example: 0 })
  generation: number;

  /** Packs that no snapshot may rely on any more: taken out of the index when it is loaded. */
  @ApiProperty({ type: [String], example: [] })
  doomed: readonly string[];

  @ApiProperty({ type: String, nullable: true, example: null })
  latest_snapshot: string | null;
}

export class RestoreGrantDto implements RestoreGrant {
  @ApiProperty({ type: RepositoryKeysDto })
  repository: RepositoryKeysDto;
}

/** By the lease of a workspace, with both of its members; or by a restore. */
@IgnoresUnknownFields()
export class RepositoryAccessDto {
  @IsOptional()
  @Uuid()
  workspace_id?: string;

  @IsOptional()
  @wholeNumber(1, Number.MAX_SAFE_INTEGER)
  fencing?: number;

  @IsOptional()
  @Uuid()
  restore_id?: string;
}

/** @param pointer to where it stands in the body @throws RequestError `validation_failed` */
export function accessOf(access: RepositoryAccessDto, pointer: string): RepositoryAccess {
  const { workspace_id, fencing, restore_id } = access;
  const isLease = workspace_id != null && fencing != null;
  if (restore_id != null && workspace_id == null && fencing == null) return { restore_id };
  if (restore_id == null && isLease) return { workspace_id, fencing };
  const detail = 'must have workspace_id and fencing, or restore_id alone';
  throw validationFailed([{ pointer, detail, code: 'access' }]);
}
