import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import type { RunReport } from '../agent-protocol/messages.js';
import { User } from '../auth/user.entity.js';
import { bigintAsNumber } from '../database/column-types.js';
import type { KeepPolicy } from '../snapshot-engine/index.js';
import { Agent } from './agent.entity.js';
import { RepositoryRow } from './repository.entity.js';
import type { WorkspaceHealth } from './workspace-health.js';

/** A directory tree on a host, with a policy. */
@Entity('workspaces')
@Index('workspaces_repository_id', ['repositoryId'], { unique: true })
@Index('workspaces_name', ['userId', 'name'], { unique: true, where: 'deleted_at IS NULL' })
@Index('workspaces_agent_id', ['agentId'])
export class Workspace {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'workspaces_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'workspaces_user_id_fkey' })
  user?: Relation<User>;

  /** The host that it lives on. */
  @Column({ name: 'agent_id', type: 'uuid' })
  agentId: string;

  @ManyToOne(() => Agent)
  @JoinColumn({ name: 'agent_id', foreignKeyConstraintName: 'workspaces_agent_id_fkey' })
  agent?: Relation<Agent>;

  @Column({ name: 'repository_id', type: 'uuid' })
  repositoryId: string;

  @ManyToOne(() => RepositoryRow)
  @JoinColumn({ name: 'repository_id', foreignKeyConstraintName: 'workspaces_repository_id_fkey' })
  repository?: Relation<RepositoryRow>;

  @Column({ type: 'varchar', length: 100 })
  name: string;

  /** Absolute, on the agent's host. */
  @Column({ type: 'text' })
  path: string;

  /** On the server's own machine: of somebody who may only use the folders that its operator allows. */
  @Column({ name: 'is_confined', type: 'boolean', default: false })
  isConfined: boolean;

  @Column({ name: 'interval_seconds', type: 'integer', default: 30 })
  intervalSeconds: number;

  /** Lines in gitignore syntax. */
  @Column({ type: 'jsonb', default: () => "'[]'" })
  excludes: string[];

  @Column({ name: 'keep_policy', type: 'jsonb' })
  keepPolicy: KeepPolicy;

  /** Null: as fast as it goes. */
  @Column({ name: 'upload_bytes_per_second', type: 'bigint', nullable: true, transformer: bigintAsNumber })
  uploadBytesPerSecond: number | null;

  @Column({ type: 'boolean', default: false })
  paused: boolean;

  /** When it was made, resumed or moved to another agent: from then on runs are due. */
  @Column({ name: 'active_since', type: 'timestamptz', default: () => 'now()' })
  activeSince: Date;

  /** Counts changes of the policy: the ETag. */
  @Column({ type: 'integer', default: 1 })
  version: number;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'deleted_at', type: 'timestamptz', nullable: true })
  deletedAt: Date | null;

  /** What the agent last told. */
  @Column({ name: 'last_run', type: 'jsonb', nullable: true })
  lastRun: RunReport | null;

  @Column({ name: 'last_run_at', type: 'timestamptz', nullable: true })
  lastRunAt: Date | null;

  /** When the workspace was last known to be as its newest restorable snapshot; of a run, its start. */
  @Column({ name: 'last_durable_at', type: 'timestamptz', nullable: true })
  lastDurableAt: Date | null;

  @Column({ type: 'bigint', default: 0, transformer: bigintAsNumber })
  runs: number;

  @Column({ name: 'failed_runs', type: 'bigint', default: 0, transformer: bigintAsNumber })
  failedRuns: number;

  /** Runs that did not begin because the one before had not ended. */
  @Column({ name: 'skipped_runs', type: 'bigint', default: 0, transformer: bigintAsNumber })
  skippedRuns: number;

  /** Changes that only a full walk found; anything but 0 is a fault of the watcher. */
  @Column({ name: 'missed_changes', type: 'bigint', default: 0, transformer: bigintAsNumber })
  missedChanges: number;

  /** Calls to the provider by snapshots, commits included. */
  @Column({ name: 'provider_requests', type: 'bigint', default: 0, transformer: bigintAsNumber })
  providerRequests: number;

  /** The job of a snapshot that a user asked for and that no run has answered yet. */
  @Column({ name: 'requested_run_id', type: 'uuid', nullable: true })
  requestedRunId: string | null;

  /** As the watchdog last saw it. */
  @Column({ type: 'varchar', length: 12, default: 'waiting' })
  health: WorkspaceHealth;

  @Column({ name: 'health_since', type: 'timestamptz', default: () => 'now()' })
  healthSince: Date;

  /** When a restore of one of its snapshots last ran to its end, all hashes equal. */
  @Column({ name: 'last_proven_at', type: 'timestamptz', nullable: true })
  lastProvenAt: Date | null;

  /** When the next restore drill is due. */
  @Column({ name: 'drill_after', type: 'timestamptz', default: () => 'now()' })
  drillAfter: Date;
}
