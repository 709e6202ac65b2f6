import { ApiProperty } from '@nestjs/swagger';

/*
 * What is told of each event: ids and facts that the user's own API answers, too. Never a path's content, a setting of the
 * bucket or a secret: a receiver may be anybody's.
 */

const uuid = { format: 'uuid', example: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10' } as const;
const moment = { format: 'date-time', example: '2026-11-22T06:52:06.123Z' } as const;

class WorkspaceFacts {
  @ApiProperty(uuid)
  workspace_id: string;

  @ApiProperty({ example: 'training-run' })
  workspace_name: string;
}

/** The health of a workspace became another. */
export class WorkspaceHealthChanged extends WorkspaceFacts {
  /** As the workspace itself answers it. */
  @ApiProperty({ example: 'overdue' })
  health: string;

  @ApiProperty({ example: 'ok' })
  previous_health: string;

  /** Why, in a sentence. */
  @ApiProperty({ example: 'The newest snapshot is 95 s old; one is due every 30 s.' })
  reason: string;
}

/** A snapshot lacks files that could not be read. */
export class SnapshotPartial extends WorkspaceFacts {
  @ApiProperty(uuid)
  snapshot_id: string;

  /** Files and directories that are not in it. */
  @ApiProperty({ type: 'integer', minimum: 1, example: 3 })
  problem_count: number;
}

/** A run ended without a snapshot. */
export class SnapshotFailed extends WorkspaceFacts {
  @ApiProperty(uuid)
  run_id: string;

  @ApiProperty({ example: 'storage_rate_limited' })
  code: string;

  @ApiProperty({ example: 'The provider asks to slow down and did not relent after retries.' })
  detail: string;
}

/** A restore ended, well or not. */
export class RestoreFinished extends WorkspaceFacts {
  @ApiProperty(uuid)
  restore_id: string;

  @ApiProperty(uuid)
  snapshot_id: string;

  @ApiProperty({ enum: ['succeeded', 'partial', 'failed', 'cancelled'], example: 'succeeded' })
  state: 'succeeded' | 'partial' | 'failed' | 'cancelled';

  /** From its start; null: it never began. */
  @ApiProperty({ type: 'integer', nullable: true, example: 41250 })
  duration_ms: number | null;
}

/** An agent has not been heard of for so long that its workspaces are not protected, or is heard of again. */
export class AgentPresence {
  @ApiProperty(uuid)
  agent_id: string;

  @ApiProperty({ example: 'gpu-node-7' })
  agent_name: string;

  /** Null: never. */
  @ApiProperty({ type: String, nullable: true, ...moment })
  last_seen_at: string | null;
}

/** A check or the upkeep of a repository found something wrong. */
export class RepositoryProblem extends WorkspaceFacts {
  @ApiProperty(uuid)
  repository_id: string;

  /** What was found, in a sentence. */
  @ApiProperty({ example: 'Pack 5d1f… cannot be read back: its SHA-256 is another.' })
  detail: string;
}

/** A snapshot was restored into scratch space to see whether that works. */
export class DrillFinished extends WorkspaceFacts {
  @ApiProperty(uuid)
  restore_id: string;

  @ApiProperty(uuid)
  snapshot_id: string;

  @ApiProperty({ type: 'integer', example: 41250 })
  duration_ms: number;

  @ApiProperty({ type: 'integer', example: 1024 })
  files: number;

  @ApiProperty({ type: 'integer', example: 1073741824 })
  bytes: number;
}

/** A snapshot could not be restored as it was stored. */
export class DrillFailed extends WorkspaceFacts {
  @ApiProperty(uuid)
  restore_id: string;

  @ApiProperty(uuid)
  snapshot_id: string;

  @ApiProperty({ example: 'restore_failed' })
  code: string;

  @ApiProperty({ example: '2 of 1024 files could not be restored.' })
  detail: string;
}

/** The object of a file, or of an earlier version of it, is not in the bucket. */
export class FileMissing {
  @ApiProperty({ type: 'integer', example: 4217 })
  file_id: number;

  @ApiProperty({ example: 'q3-report.pdf' })
  filename: string;

  /** Of its versions the one that is missing. */
  @ApiProperty({ type: 'integer', example: 1 })
  version: number;

  @ApiProperty(moment)
  missing_since: string;
}

/** A look through a bucket found something that it could not explain, and deleted nothing. */
export class BucketSweepStopped {
  @ApiProperty(uuid)
  sweep_id: string;

  @ApiProperty({ example: 'too_many' })
  code: string;

  /** What was found and what to do, in a sentence. */
  @ApiProperty({ example: '120 of 900 objects have no row in the database: more than uploads leave behind.' })
  detail: string;
}

/** A local file was tried several times and is not in the bucket, or not as it is now; it is still tried, seldom. */
export class FileSyncFailed {
  @ApiProperty({ type: 'integer', example: 311 })
  local_file_id: number;

  @ApiProperty({ example: 'holiday.jpg' })
  filename: string;

  @ApiProperty({ example: 'storage_rate_limited' })
  code: string;

  @ApiProperty({ example: 'The provider asks to slow down and did not relent after retries.' })
  detail: string;

  /** Since it last was in the bucket as it is. */
  @ApiProperty({ type: 'integer', minimum: 1, example: 5 })
  attempts: number;
}

/** All files of a user were moved into another bucket, or the move stopped on its way. */
export class MoveFinished {
  @ApiProperty(uuid)
  move_id: string;

  @ApiProperty({ enum: ['moved', 'stopped'], example: 'moved' })
  state: 'moved' | 'stopped';

  /** Why it stopped, in a sentence. */
  @ApiProperty({ type: String, nullable: true, example: null })
  problem: string | null;
}

/** Somebody asked for it, to see whether events arrive. */
export class WebhookTest {
  @ApiProperty(uuid)
  webhook_id: string;
}
