import { ApiProperty } from '@nestjs/swagger';
import { ValidateIf } from 'class-validator';
import type { CommitAnswer, CommitRequest, RunSummary } from '../../../agent-protocol/messages.js';
import { MAX_COMMIT_FILES } from '../../../agent-protocol/protocol.js';
import { IgnoresUnknownFields } from '../../../rest/unknown-fields.decorator.js';
import {
  BigCount,
  Count,
  FileId,
  FileIds,
  Line,
  MAX_PATH_CHARS,
  Nested,
  Texts,
  Uuid,
} from './field-rules.js';
import { LeaseHoldDto } from './heartbeat.dto.js';
import { NamedProblemDto, NamedProblems } from './run-report.dto.js';

const MAX_EXCLUDES = 1_000;

/** Counts as restic writes them into a snapshot. */
export class RunSummaryDto implements RunSummary {
  @BigCount()
  files_new: number;

  @BigCount()
  files_changed: number;

  @BigCount()
  files_unmodified: number;

  @BigCount()
  dirs_new: number;

  @BigCount()
  dirs_changed: number;

  @BigCount()
  dirs_unmodified: number;

  @BigCount()
  data_blobs: number;

  @BigCount()
  tree_blobs: number;

  @BigCount()
  data_added: number;

  @BigCount()
  data_added_packed: number;

  @BigCount()
  total_files_processed: number;

  @BigCount()
  total_bytes_processed: number;
}

@IgnoresUnknownFields()
export class CommitRequestDto extends LeaseHoldDto implements CommitRequest {
  @Uuid()
  run_id: string;

  @Count()
  generation: number;

  /** Pack and index files stored since the last commit. */
  @FileIds(MAX_COMMIT_FILES)
  files: string[];

  @FileId()
  tree: string;

  @ApiProperty({ type: String, nullable: true })
  @ValidateIf((_, value) => value !== null)
  @FileId()
  parent: string | null;

  @Line(255, 'ip-10-0-3-17')
  hostname: string;

  @Line(255, 'root')
  username: string;

  @Texts(MAX_EXCLUDES, MAX_PATH_CHARS)
  excludes: string[];

  @Nested(() => RunSummaryDto)
  summary: RunSummaryDto;

  @Count()
  problem_count: number;

  @NamedProblems()
  problems: NamedProblemDto[];

  @Count()
  requests: number;

  @BigCount()
  started_ms_ago: number;
}

export class CommitAnswerDto implements CommitAnswer {
  @ApiProperty({ format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' })
  snapshot_id: string;

  /** As restic shows it. */
  @ApiProperty({ example: 'a3'.repeat(32) })
  object_id: string;
}
