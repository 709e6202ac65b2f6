import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { CloudConfig } from '../../credentials/cloud-config.entity.js';
import { bigintAsNumber } from '../../database/column-types.js';
import { BucketEpoch } from '../epoch/bucket-epoch.entity.js';

/** finished: looked through to the end. stopped: refused to delete on a doubt. failed: the bucket could not be read. */
export const SWEEP_RUN_STATES = ['finished', 'stopped', 'failed'] as const;
export type SweepRunState = (typeof SWEEP_RUN_STATES)[number];

/** One look through a bucket, after it ended. */
@Entity('sweep_runs')
@Index('sweep_runs_user_id', ['userId', 'startedAt', 'id'])
@Index('sweep_runs_cloud_config_id', ['cloudConfigId', 'startedAt'])
export class SweepRun {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'sweep_runs_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @Column({ name: 'cloud_config_id', type: 'integer' })
  cloudConfigId: number;

  @ManyToOne(() => CloudConfig, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'cloud_config_id', foreignKeyConstraintName: 'sweep_runs_cloud_config_id_fkey' })
  cloudConfig?: Relation<CloudConfig>;

  @Column({ name: 'bucket_id', type: 'uuid', nullable: true })
  bucketId: string | null;

  @ManyToOne(() => BucketEpoch, { onDelete: 'SET NULL' })
  @JoinColumn({ name: 'bucket_id', foreignKeyConstraintName: 'sweep_runs_bucket_id_fkey' })
  bucket?: Relation<BucketEpoch>;

  @Column({ type: 'varchar', length: 10 })
  state: SweepRunState;

  /** A code of docs/errors.md, or that of a limit: `too_many`. */
  @Column({ name: 'stop_code', type: 'varchar', length: 60, nullable: true })
  stopCode: string | null;

  /** A sentence that its user can act on. */
  @Column({ name: 'stop_detail', type: 'text', nullable: true })
  stopDetail: string | null;

  @Column({ name: 'scanned_objects', type: 'bigint', default: 0, transformer: bigintAsNumber })
  scannedObjects: number;

  /** Old objects of ours that no row names. */
  @Column({ name: 'candidate_objects', type: 'bigint', default: 0, transformer: bigintAsNumber })
  candidateObjects: number;

  @Column({ name: 'deleted_objects', type: 'bigint', default: 0, transformer: bigintAsNumber })
  deletedObjects: number;

  @Column({ name: 'deleted_bytes', type: 'bigint', default: 0, transformer: bigintAsNumber })
  deletedBytes: number;

  /** At the provider. */
  @Column({ name: 'aborted_uploads', type: 'bigint', default: 0, transformer: bigintAsNumber })
  abortedUploads: number;

  /** Of uploads that never ended. */
  @Column({ name: 'removed_rows', type: 'bigint', default: 0, transformer: bigintAsNumber })
  removedRows: number;

  /** Files and versions that were found to be missing. */
  @Column({ name: 'missing_files', type: 'bigint', default: 0, transformer: bigintAsNumber })
  missingFiles: number;

  /** Files and versions that were missing and are back. */
  @Column({ name: 'found_files', type: 'bigint', default: 0, transformer: bigintAsNumber })
  foundFiles: number;

  @Column({ name: 'started_at', type: 'timestamptz' })
  startedAt: Date;

  @Column({ name: 'finished_at', type: 'timestamptz' })
  finishedAt: Date;
}
