import { ApiProperty } from '@nestjs/swagger';
import type { Heartbeat, HeartbeatAnswer, LeaseHold } from '../../../agent-protocol/messages.js';
import { MAX_LEASES, MAX_REPORTS } from '../../../agent-protocol/protocol.js';
import { IgnoresUnknownFields } from '../../../rest/unknown-fields.decorator.js';
import { NestedList, Uuid, wholeNumber } from './field-rules.js';
import { RestoreReportDto } from './restore-report.dto.js';
import { RunReportDto } from './run-report.dto.js';

@IgnoresUnknownFields()
export class LeaseHoldDto implements LeaseHold {
  @Uuid()
  workspace_id: string;

  @wholeNumber(1, Number.MAX_SAFE_INTEGER)
  fencing: number;
}

@IgnoresUnknownFields()
export class HeartbeatDto implements Heartbeat {
  @NestedList(() => RunReportDto, MAX_REPORTS)
  runs: RunReportDto[];

  @NestedList(() => RestoreReportDto, MAX_REPORTS)
  restores: RestoreReportDto[];

  @NestedList(() => LeaseHoldDto, MAX_LEASES)
  leases: LeaseHoldDto[];
}

export class HeartbeatAnswerDto implements HeartbeatAnswer {
  /** Those that go on; one that is missing is lost. */
  @ApiProperty({ type: [LeaseHoldDto] })
  leases: LeaseHoldDto[];

  /** Another than the agent knows: sync. */
  @ApiProperty({ example: '0123456789abcdef0123456789abcdef' })
  revision: string;
}
