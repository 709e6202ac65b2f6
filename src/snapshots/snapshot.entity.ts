import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { CloudConfig } from '../credentials/cloud-config.entity.js';
import { bigintAsNumber } from '../database/column-types.js';

export type SnapshotState = 'committing' | 'restorable';

@Entity('snapshots')
@Index('snapshots_user_id', ['userId', 'receivedAt'])
export class Snapshot {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'snapshots_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @Column({ name: 'cloud_config_id', type: 'integer' })
  cloudConfigId: number;

  @ManyToOne(() => CloudConfig)
  @JoinColumn({ name: 'cloud_config_id', foreignKeyConstraintName: 'snapshots_cloud_config_id_fkey' })
  cloudConfig?: Relation<CloudConfig>;

  @Column({ type: 'varchar', length: 12 })
  state: SnapshotState;

  /** Bytes that this snapshot added to the bucket. */
  @Column({ name: 'stored_bytes', type: 'bigint', default: 0, transformer: bigintAsNumber })
  storedBytes: number;

  /** When the server committed it; a host's own clock is not believed. */
  @Column({ name: 'received_at', type: 'timestamptz', default: () => 'now()' })
  receivedAt: Date;
}
