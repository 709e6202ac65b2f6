import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { CloudConfig } from '../credentials/cloud-config.entity.js';
import { bigintAsNumber } from '../database/column-types.js';
import type { ChunkerKind } from '../snapshot-engine/index.js';

/** `creating` until its config lies in the bucket; `removed` when a user had everything of it deleted. */
export type RepositoryState = 'creating' | 'ready' | 'removed';

/** A restic repository in a user's bucket; one for each workspace. */
@Entity('repositories')
@Index('repositories_user_id', ['userId'])
export class RepositoryRow {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'repositories_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  /** The bucket that it lies in: changing the settings loses no repository. */
  @Column({ name: 'cloud_config_id', type: 'integer' })
  cloudConfigId: number;

  @ManyToOne(() => CloudConfig)
  @JoinColumn({ name: 'cloud_config_id', foreignKeyConstraintName: 'repositories_cloud_config_id_fkey' })
  cloudConfig?: Relation<CloudConfig>;

  /** Below the configuration's own prefix, without a slash at either end: `repositories/<id>`. */
  @Column({ type: 'varchar', length: 200 })
  prefix: string;

  @Column({ type: 'varchar', length: 8 })
  chunker: ChunkerKind;

  /** An envelope (purpose `repo`). */
  @Column({ name: 'sealed_password', type: 'text' })
  sealedPassword: string;

  @Column({ type: 'varchar', length: 10, default: 'creating' })
  state: RepositoryState;

  /** Counts dooms: a commit made with the index of an earlier generation is refused. */
  @Column({ type: 'integer', default: 0 })
  generation: number;

  /** Of all packs, as maintenance last found them and commits added since. */
  @Column({ name: 'stored_bytes', type: 'bigint', default: 0, transformer: bigintAsNumber })
  storedBytes: number;

  /** The run that maintains it now; one at a time, until `maintained_until`. */
  @Column({ name: 'maintained_by', type: 'uuid', nullable: true })
  maintainedBy: string | null;

  /** By the database's clock. */
  @Column({ name: 'maintained_until', type: 'timestamptz', nullable: true })
  maintainedUntil: Date | null;

  /** When somebody looks again whether there is something to thin out or to prune. */
  @Column({ name: 'maintain_after', type: 'timestamptz', default: () => 'now()' })
  maintainAfter: Date;

  @Column({ name: 'last_maintained_at', type: 'timestamptz', nullable: true })
  lastMaintainedAt: Date | null;

  /** Why the last maintenance could not do its work, as a sentence: a foreign lock, a doubt, a bucket that fails. */
  @Column({ name: 'last_maintenance_problem', type: 'text', nullable: true })
  lastMaintenanceProblem: string | null;

  /** The problem is one of the repository itself, and does not pass by itself as a lock or a failing bucket does. */
  @Column({ name: 'maintenance_doubt', type: 'boolean', default: false })
  maintenanceDoubt: boolean;

  @Column({ name: 'last_pruned_at', type: 'timestamptz', nullable: true })
  lastPrunedAt: Date | null;

  /** Snapshots were forgotten since the last prune. */
  @Column({ name: 'has_garbage', type: 'boolean', default: false })
  hasGarbage: boolean;

  /** Snapshots in the bucket that other programs made there; they are kept and not thinned out. */
  @Column({ name: 'foreign_snapshots', type: 'integer', default: 0 })
  foreignSnapshots: number;

  /** Calls to the provider by maintenance, checks and drills. */
  @Column({ name: 'maintenance_requests', type: 'bigint', default: 0, transformer: bigintAsNumber })
  maintenanceRequests: number;

  /** When the next check is due by itself. */
  @Column({ name: 'check_after', type: 'timestamptz', default: () => 'now()' })
  checkAfter: Date;

  @Column({ name: 'last_checked_at', type: 'timestamptz', nullable: true })
  lastCheckedAt: Date | null;

  /** What the last check found wrong, as a sentence; null: nothing. */
  @Column({ name: 'last_check_problem', type: 'text', nullable: true })
  lastCheckProblem: string | null;

  /** The share of the content in which it was found: only another look there can show that it is mended. */
  @Column({ name: 'check_problem_share', type: 'smallint', nullable: true })
  checkProblemShare: number | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;
}
