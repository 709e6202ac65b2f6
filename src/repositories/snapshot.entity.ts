import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import type { NamedProblem } from '../agent-protocol/messages.js';
import { CloudConfig } from '../credentials/cloud-config.entity.js';
import { bigintAsNumber } from '../database/column-types.js';
import { Agent } from './agent.entity.js';
import { Workspace } from './workspace.entity.js';

/**
 * `committing` until its object is known to lie in the bucket, then `restorable`. `forgetting`: it goes, and its object
 * may be gone already; maintenance deletes first that and then the row. `missing`: somebody else removed its object.
 */
export type SnapshotState = 'committing' | 'restorable' | 'forgetting' | 'missing';

/** A workspace's state in the bucket. */
@Entity('snapshots')
@Index('snapshots_user_id', ['userId', 'receivedAt'])
@Index('snapshots_run_id', ['workspaceId', 'runId'], { unique: true })
@Index('snapshots_object_id', ['workspaceId', 'objectId'], { unique: true })
@Index('snapshots_workspace_id', ['workspaceId', 'receivedAt', 'id'])
@Index('snapshots_committing', ['receivedAt'], { where: `((state)::text = 'committing'::text)` })
export class SnapshotRow {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'snapshots_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @Column({ name: 'cloud_config_id', type: 'integer' })
  cloudConfigId: number;

  @ManyToOne(() => CloudConfig)
  @JoinColumn({ name: 'cloud_config_id', foreignKeyConstraintName: 'snapshots_cloud_config_id_fkey' })
  cloudConfig?: Relation<CloudConfig>;

  @Column({ type: 'varchar', length: 12 })
  state: SnapshotState;

  /** Bytes that this snapshot added to the bucket. */
  @Column({ name: 'stored_bytes', type: 'bigint', default: 0, transformer: bigintAsNumber })
  storedBytes: number;

  /** When the server committed it; a host's own clock is not believed. */
  @Column({ name: 'received_at', type: 'timestamptz', default: () => 'now()' })
  receivedAt: Date;

  @Column({ name: 'workspace_id', type: 'uuid' })
  workspaceId: string;

  @ManyToOne(() => Workspace)
  @JoinColumn({ name: 'workspace_id', foreignKeyConstraintName: 'snapshots_workspace_id_fkey' })
  workspace?: Relation<Workspace>;

  @Column({ name: 'agent_id', type: 'uuid' })
  agentId: string;

  @ManyToOne(() => Agent)
  @JoinColumn({ name: 'agent_id', foreignKeyConstraintName: 'snapshots_agent_id_fkey' })
  agent?: Relation<Agent>;

  /** The agent's name for the run: a commit that is repeated makes no second snapshot. */
  @Column({ name: 'run_id', type: 'uuid' })
  runId: string;

  /** The snapshot's id in the repository, as restic shows it: SHA-256 of the object. */
  @Column({ name: 'object_id', type: 'bytea' })
  objectId: Buffer;

  @Column({ name: 'parent_object_id', type: 'bytea', nullable: true })
  parentObjectId: Buffer | null;

  /** Id of the root's tree blob. */
  @Column({ type: 'bytea' })
  tree: Buffer;

  /** The object's bytes while `committing`, so that a recovery can finish. */
  @Column({ type: 'bytea', nullable: true })
  sealed: Buffer | null;

  /** Of the lease that it was committed under. */
  @Column({ type: 'bigint', transformer: bigintAsNumber })
  fencing: number;

  /** When the run began, by the server's clock. */
  @Column({ name: 'started_at', type: 'timestamptz' })
  startedAt: Date;

  /** Files could not be read; `problems` names up to 20 of them. */
  @Column({ name: 'is_partial', type: 'boolean', default: false })
  isPartial: boolean;

  @Column({ name: 'problem_count', type: 'integer', default: 0 })
  problemCount: number;

  @Column({ type: 'jsonb', default: () => "'[]'" })
  problems: NamedProblem[];

  @Column({ type: 'bigint', default: 0, transformer: bigintAsNumber })
  files: number;

  @Column({ type: 'bigint', default: 0, transformer: bigintAsNumber })
  directories: number;

  /** Of all files, before deduplication. */
  @Column({ name: 'size_bytes', type: 'bigint', default: 0, transformer: bigintAsNumber })
  sizeBytes: number;

  /** Calls to the provider, the commit's included. */
  @Column({ name: 'provider_requests', type: 'integer', default: 0 })
  providerRequests: number;

  @Column({ name: 'duration_ms', type: 'integer', default: 0 })
  durationMs: number;

  /** Stays whatever the keep policy says. */
  @Column({ name: 'is_protected', type: 'boolean', default: false })
  isProtected: boolean;

  @Column({ type: 'jsonb', default: () => "'[]'" })
  tags: string[];

  @Column({ name: 'restorable_at', type: 'timestamptz', nullable: true })
  restorableAt: Date | null;

  /** When a restore of this snapshot last ran to its end, all hashes equal. */
  @Column({ name: 'last_proven_at', type: 'timestamptz', nullable: true })
  lastProvenAt: Date | null;
}
