import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { BucketEpoch } from '../epoch/bucket-epoch.entity.js';

/** object: without a row. upload: multipart, without a row. missing: a row's object is not there. */
export type SightingKind = 'object' | 'upload' | 'missing';

const PRIMARY_KEY = { primaryKeyConstraintName: 'sweep_sightings_pkey' } as const;

/** What the last complete listing of a bucket showed. Only a second sighting, at least an hour later, is acted on. */
@Entity('sweep_sightings')
export class SweepSighting {
  @PrimaryColumn({ name: 'bucket_id', type: 'uuid', ...PRIMARY_KEY })
  bucketId: string;

  @ManyToOne(() => BucketEpoch, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'bucket_id', foreignKeyConstraintName: 'sweep_sightings_bucket_id_fkey' })
  bucket?: Relation<BucketEpoch>;

  @PrimaryColumn({ type: 'varchar', length: 10, ...PRIMARY_KEY })
  kind: SightingKind;

  /** An object key; of an upload its id. */
  @PrimaryColumn({ type: 'text', collation: 'C', ...PRIMARY_KEY })
  name: string;

  /** Tells this very thing from a later one of the same name. */
  @Column({ type: 'text' })
  mark: string;

  @Column({ name: 'first_seen_at', type: 'timestamptz' })
  firstSeenAt: Date;

  /** The run that saw it last. */
  @Column({ name: 'run_id', type: 'uuid' })
  runId: string;

  /** Its user has seen that it goes, although there are many. */
  @Column({ type: 'boolean', default: false })
  confirmed: boolean;
}
