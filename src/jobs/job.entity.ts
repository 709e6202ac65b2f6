import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

export const JOB_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** Long work that a user can look at. */
@Entity('jobs')
@Index('jobs_user_id', ['userId', 'createdAt', 'id'])
@Index('jobs_subject', ['subject'], { where: '(finished_at IS NULL)' })
export class Job {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'jobs_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  /** Noun and verb: `snapshot.take`, `repository.check`. */
  @Column({ type: 'varchar', length: 40 })
  kind: string;

  /** Kind and id of what it is done to: `workspace:5f0b…`. */
  @Column({ type: 'varchar', length: 100 })
  subject: string;

  @Column({ type: 'varchar', length: 10, default: 'queued' })
  state: JobState;

  @Column({ type: 'jsonb', nullable: true })
  progress: Record<string, unknown> | null;

  @Column({ type: 'jsonb', nullable: true })
  result: Record<string, unknown> | null;

  @Column({ name: 'error_code', type: 'varchar', length: 60, nullable: true })
  errorCode: string | null;

  @Column({ name: 'error_detail', type: 'text', nullable: true })
  errorDetail: string | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'started_at', type: 'timestamptz', nullable: true })
  startedAt: Date | null;

  @Column({ name: 'finished_at', type: 'timestamptz', nullable: true })
  finishedAt: Date | null;
}
