import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import type { RestorePlan, RestoreProgress, RestoreResult } from '../agent-protocol/messages.js';
import { Agent } from './agent.entity.js';
import { Workspace } from './workspace.entity.js';

/**
 * `planning` -> `planned` -> `running` -> `succeeded`, `partial` (some entries failed or were refused), `failed` or
 * `cancelled`. `cancelling` until the agent has stopped.
 */
export const RESTORE_STATES = [
  'planning',
  'planned',
  'running',
  'cancelling',
  'succeeded',
  'partial',
  'failed',
  'cancelled',
] as const;
export type RestoreState = (typeof RESTORE_STATES)[number];

/** A snapshot on its way back to a host. A `drill` is one that the server rehearses into scratch space. */
@Entity('restores')
@Index('restores_user_id', ['userId', 'createdAt', 'id'])
@Index('restores_open', ['agentId'], { where: '(finished_at IS NULL)' })
export class Restore {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'restores_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @Column({ name: 'workspace_id', type: 'uuid' })
  workspaceId: string;

  @ManyToOne(() => Workspace)
  @JoinColumn({ name: 'workspace_id', foreignKeyConstraintName: 'restores_workspace_id_fkey' })
  workspace?: Relation<Workspace>;

  /** Without a foreign key: the record of a restore outlives its snapshot. */
  @Column({ name: 'snapshot_id', type: 'uuid' })
  snapshotId: string;

  @Column({ name: 'snapshot_object_id', type: 'bytea' })
  snapshotObjectId: Buffer;

  /** Null for a drill. */
  @Column({ name: 'agent_id', type: 'uuid', nullable: true })
  agentId: string | null;

  @ManyToOne(() => Agent)
  @JoinColumn({ name: 'agent_id', foreignKeyConstraintName: 'restores_agent_id_fkey' })
  agent?: Relation<Agent> | null;

  @Column({ type: 'varchar', length: 8, default: 'restore' })
  kind: 'restore' | 'drill';

  @Column({ type: 'varchar', length: 12, default: 'planning' })
  state: RestoreState;

  /** Below the workspace; empty: all of it. */
  @Column({ type: 'jsonb', default: () => "'[]'" })
  paths: string[];

  /** Absolute, on the agent's host. */
  @Column({ type: 'text' })
  target: string;

  /** On the server's own machine: asked for by somebody who may only use the folders that its operator allows. */
  @Column({ name: 'is_confined', type: 'boolean', default: false })
  isConfined: boolean;

  @Column({ type: 'varchar', length: 14, default: 'new-directory' })
  destination: 'new-directory' | 'in-place';

  /** In place: also delete what the snapshot does not have. */
  @Column({ type: 'boolean', default: false })
  mirror: boolean;

  /** Runs as soon as it is planned, without a confirmation. */
  @Column({ name: 'starts_by_itself', type: 'boolean', default: false })
  startsByItself: boolean;

  @Column({ type: 'jsonb', nullable: true })
  plan: RestorePlan | null;

  @Column({ type: 'jsonb', nullable: true })
  progress: RestoreProgress | null;

  @Column({ type: 'jsonb', nullable: true })
  result: RestoreResult | null;

  @Column({ name: 'error_code', type: 'varchar', length: 60, nullable: true })
  errorCode: string | null;

  @Column({ name: 'error_detail', type: 'text', nullable: true })
  errorDetail: string | null;

  /** Counts changes: what event streams compare. */
  @Column({ type: 'integer', default: 1 })
  version: number;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;

  /** Of the run, not of the plan: with `finished_at` the measured RTO. */
  @Column({ name: 'started_at', type: 'timestamptz', nullable: true })
  startedAt: Date | null;

  @Column({ name: 'finished_at', type: 'timestamptz', nullable: true })
  finishedAt: Date | null;
}
