import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { bigintAsNumber } from '../../database/column-types.js';

/** idle: nothing to decide. asking: more would go than goes without being asked for. locked: a bucket is in doubt. */
export const RETENTION_STATES = ['idle', 'asking', 'locked'] as const;
export type RetentionStateName = (typeof RETENTION_STATES)[number];

/** How far retention is with one user's files. */
@Entity('retention_states')
@Index('retention_states_next_run_at', ['nextRunAt'])
export class RetentionState {
  @PrimaryColumn({ name: 'user_id', type: 'integer', primaryKeyConstraintName: 'retention_states_pkey' })
  userId: number;

  /** The setting that the last run went by: a change of it makes the next run due. */
  @Column({ name: 'retention_days', type: 'integer' })
  retentionDays: number;

  @Column({ type: 'varchar', length: 10 })
  state: RetentionStateName;

  /** Why, in a sentence to act on. */
  @Column({ type: 'text', nullable: true })
  detail: string | null;

  @Column({ name: 'next_run_at', type: 'timestamptz' })
  nextRunAt: Date;

  @Column({ name: 'checked_at', type: 'timestamptz', nullable: true })
  checkedAt: Date | null;

  /** What waits for a confirmation; null in other states. */
  @Column({ name: 'planned_files', type: 'bigint', nullable: true, transformer: bigintAsNumber })
  plannedFiles: number | null;

  @Column({ name: 'planned_bytes', type: 'bigint', nullable: true, transformer: bigintAsNumber })
  plannedBytes: number | null;

  /** Files that were uploaded before this would go. */
  @Column({ name: 'planned_cutoff', type: 'timestamptz', nullable: true })
  plannedCutoff: Date | null;

  @Column({ type: 'boolean', default: false })
  confirmed: boolean;

  @Column({ name: 'last_trashed_files', type: 'bigint', default: 0, transformer: bigintAsNumber })
  lastTrashedFiles: number;

  @Column({ name: 'last_trashed_at', type: 'timestamptz', nullable: true })
  lastTrashedAt: Date | null;
}
