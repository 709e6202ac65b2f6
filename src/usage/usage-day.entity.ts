import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { CloudConfig } from '../credentials/cloud-config.entity.js';
import type { RequestClass } from '../credentials/storage-meter.service.js';
import { bigintAsNumber } from '../database/column-types.js';

/** What was done with a bucket on one day, in UTC. */
@Entity('usage_daily')
@Index('usage_daily_day', ['day'])
export class UsageDay {
  @PrimaryColumn({ name: 'user_id', type: 'integer', primaryKeyConstraintName: 'usage_daily_pkey' })
  userId: number;

  @PrimaryColumn({ type: 'date', primaryKeyConstraintName: 'usage_daily_pkey' })
  day: string;

  @PrimaryColumn({ name: 'cloud_config_id', type: 'integer', primaryKeyConstraintName: 'usage_daily_pkey' })
  cloudConfigId: number;

  @ManyToOne(() => CloudConfig)
  @JoinColumn({ name: 'cloud_config_id', foreignKeyConstraintName: 'usage_daily_cloud_config_id_fkey' })
  cloudConfig?: Relation<CloudConfig>;

  @PrimaryColumn({
    name: 'request_class',
    type: 'varchar',
    length: 12,
    primaryKeyConstraintName: 'usage_daily_pkey',
  })
  requestClass: RequestClass;

  @Column({ type: 'bigint', transformer: bigintAsNumber })
  requests: number;

  @Column({ name: 'sent_bytes', type: 'bigint', transformer: bigintAsNumber })
  sentBytes: number;

  @Column({ name: 'received_bytes', type: 'bigint', transformer: bigintAsNumber })
  receivedBytes: number;
}
