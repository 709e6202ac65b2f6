import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Whoever runs jobs now; one that is not seen any more has died, and what it ran is run again. */
@Entity('job_workers')
export class JobWorker {
  @PrimaryColumn({ type: 'varchar', length: 60, primaryKeyConstraintName: 'job_workers_pkey' })
  id: string;

  /** By the database's clock. */
  @Column({ name: 'seen_at', type: 'timestamptz' })
  seenAt: Date;
}
