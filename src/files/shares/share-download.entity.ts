import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { ShareLink } from './share-link.entity.js';

/** A client's download that was counted: for a day it may go on with the parts that it lacks. */
@Entity('share_downloads')
@Index('share_downloads_begun_at', ['begunAt'])
export class ShareDownload {
  @PrimaryColumn({ name: 'share_id', type: 'integer', primaryKeyConstraintName: 'share_downloads_pkey' })
  shareId: number;

  @ManyToOne(() => ShareLink, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'share_id', foreignKeyConstraintName: 'share_downloads_share_id_fkey' })
  share?: Relation<ShareLink>;

  /** A hash of what tells clients apart. */
  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'share_downloads_pkey' })
  client: Buffer;

  @Column({ name: 'begun_at', type: 'timestamptz' })
  begunAt: Date;
}
