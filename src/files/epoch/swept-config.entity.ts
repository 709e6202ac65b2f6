import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { CloudConfig } from '../../credentials/cloud-config.entity.js';
import { BucketEpoch } from './bucket-epoch.entity.js';

/** A configuration with which something was stored: where its objects lie, and when they are looked through next. */
@Entity('swept_configs')
@Index('swept_configs_bucket_id', ['bucketId'])
@Index('swept_configs_sweep_after', ['sweepAfter'])
export class SweptConfig {
  @PrimaryColumn({ name: 'cloud_config_id', type: 'integer', primaryKeyConstraintName: 'swept_configs_pkey' })
  cloudConfigId: number;

  @ManyToOne(() => CloudConfig, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'cloud_config_id', foreignKeyConstraintName: 'swept_configs_cloud_config_id_fkey' })
  cloudConfig?: Relation<CloudConfig>;

  /** Null while the bucket belongs to another state of the database, or could not be read. */
  @Column({ name: 'bucket_id', type: 'uuid', nullable: true })
  bucketId: string | null;

  @ManyToOne(() => BucketEpoch, { onDelete: 'SET NULL' })
  @JoinColumn({ name: 'bucket_id', foreignKeyConstraintName: 'swept_configs_bucket_id_fkey' })
  bucket?: Relation<BucketEpoch>;

  @Column({ name: 'looked_at', type: 'timestamptz', default: () => 'now()' })
  lookedAt: Date;

  @Column({ name: 'sweep_after', type: 'timestamptz', default: () => 'now()' })
  sweepAfter: Date;
}
