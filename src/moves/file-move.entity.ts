import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { CloudConfig } from '../credentials/cloud-config.entity.js';

/**
 * planned: reckoned, nothing was done. copying: all objects are copied. catching_up: new files go to the target, and what
 * was under way meanwhile follows. moved: everything is there; the old objects stay. cleaning: the old objects go, and then it is finished.
 * stopped: something could not be copied, and the user decides. cancelling: the copies go.
 */
export const MOVE_STATES = [
  'planned',
  'copying',
  'stopped',
  'catching_up',
  'moved',
  'cleaning',
  'finished',
  'cancelling',
  'cancelled',
] as const;
export type MoveState = (typeof MOVE_STATES)[number];

/** All files of a user on their way into another bucket. */
@Entity('file_moves')
@Index('file_moves_user_id', ['userId', 'createdAt', 'id'])
@Index('file_moves_one_at_a_time', ['userId'], { unique: true, where: 'ended_at IS NULL' })
export class FileMove {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'file_moves_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @Column({ name: 'target_config_id', type: 'integer' })
  targetConfigId: number;

  @ManyToOne(() => CloudConfig)
  @JoinColumn({ name: 'target_config_id', foreignKeyConstraintName: 'file_moves_target_config_id_fkey' })
  targetConfig?: Relation<CloudConfig>;

  @Column({ type: 'varchar', length: 11, default: 'planned' })
  state: MoveState;

  /** What the user sees of the work that runs now, or ran last. */
  @Column({ name: 'job_id', type: 'uuid', nullable: true })
  jobId: string | null;

  /** The user has decided to leave behind what cannot be copied. */
  @Column({ name: 'skip_failed', type: 'boolean', default: false })
  skipFailed: boolean;

  @Column({ name: 'problem_code', type: 'varchar', length: 60, nullable: true })
  problemCode: string | null;

  /** Why it has stopped, as a sentence. */
  @Column({ type: 'text', nullable: true })
  problem: string | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'started_at', type: 'timestamptz', nullable: true })
  startedAt: Date | null;

  /** Since when new files go to the target. */
  @Column({ name: 'switched_at', type: 'timestamptz', nullable: true })
  switchedAt: Date | null;

  @Column({ name: 'moved_at', type: 'timestamptz', nullable: true })
  movedAt: Date | null;

  /** Cancelled, or cleaned up. */
  @Column({ name: 'ended_at', type: 'timestamptz', nullable: true })
  endedAt: Date | null;
}
