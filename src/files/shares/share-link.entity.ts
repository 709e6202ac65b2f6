import {
  Check,
  Column,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryGeneratedColumn,
  type Relation,
} from 'typeorm';
import { bigintAsNumber } from '../../database/column-types.js';
import { CloudFile } from '../cloud-file.entity.js';
import type { Disposition } from '../presentation.js';

/** A link by which whoever has it can download one file, until it ends or is taken back. Goes with its file. */
@Entity('share_links')
@Index('share_links_token_hash', ['tokenHash'], { unique: true })
@Index('share_links_listing', ['userId', 'id'])
@Index('share_links_file_id', ['fileId', 'id'])
@Check('share_links_max_downloads', 'download_count <= max_downloads')
export class ShareLink {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'share_links_pkey' })
  id: number;

  /** Of the file. */
  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @Column({ name: 'file_id', type: 'integer' })
  fileId: number;

  @ManyToOne(() => CloudFile, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'file_id', foreignKeyConstraintName: 'share_links_file_id_fkey' })
  file?: Relation<CloudFile>;

  /** SHA-256 of the token; the token itself is in nobody's hands but those of whom the link was given to. */
  @Column({ name: 'token_hash', type: 'bytea' })
  tokenHash: Buffer;

  /** For its maker; no visitor sees it. */
  @Column({ type: 'varchar', length: 200, nullable: true })
  label: string | null;

  /** What is asked for; a content that could run is saved all the same. */
  @Column({ type: 'varchar', length: 10 })
  disposition: Disposition;

  /** Null: the file's own, whatever it is then. */
  @Column({ type: 'varchar', length: 255, nullable: true })
  filename: string | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;

  /** Null: it lasts until it is revoked. */
  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true })
  expiresAt: Date | null;

  @Column({ name: 'revoked_at', type: 'timestamptz', nullable: true })
  revokedAt: Date | null;

  @Column({ name: 'max_downloads', type: 'integer', nullable: true })
  maxDownloads: number | null;

  @Column({ name: 'download_count', type: 'bigint', transformer: bigintAsNumber, default: 0 })
  downloadCount: number;

  /** When a download was last counted. */
  @Column({ name: 'last_accessed_at', type: 'timestamptz', nullable: true })
  lastAccessedAt: Date | null;
}
