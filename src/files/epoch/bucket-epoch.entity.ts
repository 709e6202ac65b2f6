import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { bigintAsNumber } from '../../database/column-types.js';

/** Which state of this database a place in a bucket was last told of; the object `_meta/epoch` there says the same. */
@Entity('bucket_epochs')
@Index('bucket_epochs_place', ['place'], { unique: true })
export class BucketEpoch {
  /** The place's own id; its object names it. */
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'bucket_epochs_pkey' })
  id: string;

  /** SHA-256 of provider, endpoint, bucket and prefix: several configurations may share it. */
  @Column({ type: 'varchar', length: 64 })
  place: string;

  /** Random, new with each writing. */
  @Column({ name: 'epoch_id', type: 'uuid' })
  epochId: string;

  /** The object still says this when its writing was interrupted. */
  @Column({ name: 'previous_epoch_id', type: 'uuid', nullable: true })
  previousEpochId: string | null;

  @Column({ type: 'bigint', transformer: bigintAsNumber })
  counter: number;

  /** See database-identity.ts. */
  @Column({ name: 'database_id', type: 'varchar', length: 80 })
  databaseId: string;

  @Column({ name: 'written_at', type: 'timestamptz' })
  writtenAt: Date;

  /** How far the provider's clock was ahead of ours at that time. */
  @Column({ name: 'clock_offset_ms', type: 'bigint', default: 0, transformer: bigintAsNumber })
  clockOffsetMs: number;
}
