import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Requests of one key or address in one window, over all replicas. */
@Entity('rate_limits')
export class RateLimit {
  @PrimaryColumn({ type: 'varchar', length: 100, primaryKeyConstraintName: 'rate_limits_pkey' })
  subject: string;

  @PrimaryColumn({ name: 'window_start', type: 'timestamptz', primaryKeyConstraintName: 'rate_limits_pkey' })
  windowStart: Date;

  @Column({ type: 'integer' })
  requests: number;
}
