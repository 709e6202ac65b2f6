import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import type { NamedProblem, RunReport } from '../../../agent-protocol/messages.js';
import { MAX_NAMED_PROBLEMS } from '../../../agent-protocol/protocol.js';
import {
  BigCount,
  Count,
  FileId,
  Line,
  MAX_PATH_CHARS,
  MAX_SENTENCE_CHARS,
  NestedList,
  Text,
  Uuid,
} from './field-rules.js';

const STATUSES = ['complete', 'partial', 'unchanged', 'failed'] as const;
const WALKS = ['full', 'changes'] as const;

export class NamedProblemDto implements NamedProblem {
  @Text(MAX_PATH_CHARS, 'private/key.pem')
  path: string;

  @Text(MAX_SENTENCE_CHARS, 'Permission denied')
  reason: string;
}

export const NamedProblems = () => NestedList(() => NamedProblemDto, MAX_NAMED_PROBLEMS);

/** How one run ended. */
export class RunReportDto implements RunReport {
  @Uuid()
  workspace_id: string;

  @Uuid()
  run_id: string;

  @ApiProperty({ enum: STATUSES, example: 'unchanged' })
  @IsIn(STATUSES)
  status: (typeof STATUSES)[number];

  /** The snapshot’s object, when one was made. */
  @IsOptional()
  @FileId()
  snapshot?: string;

  /** Of a failure. */
  @IsOptional()
  @Line(60, 'commit_refused')
  code?: string;

  @IsOptional()
  @Text(MAX_SENTENCE_CHARS, 'The server does not answer.')
  detail?: string;

  /** Since the run began, when this is sent. */
  @BigCount()
  started_ms_ago: number;

  @BigCount()
  duration_ms: number;

  /** Calls to the provider, commits left out. */
  @Count()
  requests: number;

  @ApiProperty({ enum: WALKS, example: 'changes' })
  @IsIn(WALKS)
  walk: (typeof WALKS)[number];

  @Count()
  missed_changes: number;

  /** Why changes cannot be watched. */
  @IsOptional()
  @Text(MAX_SENTENCE_CHARS, 'The limit of watches is reached.')
  watcher_problem?: string;

  @Count()
  problem_count: number;

  @NamedProblems()
  problems: NamedProblemDto[];

  /** Runs that were due and left out since the last report. */
  @Count()
  skipped_runs: number;

  /** That of the workspace which this run answers. */
  @IsOptional()
  @Uuid()
  requested_run_id?: string;
}
