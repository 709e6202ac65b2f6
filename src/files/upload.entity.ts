import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { CloudConfig } from '../credentials/cloud-config.entity.js';
import { bigintAsNumber } from '../database/column-types.js';

/** direct: from the client straight into the bucket. tus: through this server, in as many requests as it takes. */
export type UploadKind = 'direct' | 'tus';

/** `ended_at` is set in the last two, which are final. */
export type UploadState = 'open' | 'completing' | 'completed' | 'aborted';

/** A file on its way that lasts longer than one request. */
@Entity('uploads')
@Index('uploads_object_key', ['cloudConfigId', 'objectKey'], { unique: true })
@Index('uploads_user_id', ['userId', 'createdAt', 'id'])
@Index('uploads_open', ['userId'], { where: '(ended_at IS NULL)' })
@Index('uploads_expiry', ['expiresAt'], { where: '(ended_at IS NULL)' })
export class Upload {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'uploads_pkey' })
  id: string;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @Column({ name: 'cloud_config_id', type: 'integer' })
  cloudConfigId: number;

  @ManyToOne(() => CloudConfig)
  @JoinColumn({ name: 'cloud_config_id', foreignKeyConstraintName: 'uploads_cloud_config_id_fkey' })
  cloudConfig?: Relation<CloudConfig>;

  @Column({ type: 'varchar', length: 6 })
  kind: UploadKind;

  @Column({ type: 'varchar', length: 10, default: 'open' })
  state: UploadState;

  @Column({ name: 'object_key', type: 'text', collation: 'C' })
  objectKey: string;

  @Column({ type: 'varchar', length: 255 })
  filename: string;

  @Column({ type: 'text', default: '' })
  folder: string;

  @Column({ name: 'content_type', type: 'varchar', length: 255 })
  contentType: string;

  @Column({ type: 'text', array: true, default: '{}' })
  tags: string[];

  /** The client's own `Upload-Metadata`, as it was sent. */
  @Column({ type: 'text', nullable: true })
  metadata: string | null;

  /** Null until the client tells it. */
  @Column({ name: 'size_bytes', type: 'bigint', nullable: true, transformer: bigintAsNumber })
  sizeBytes: number | null;

  /** Length of all parts but the last; null when one call stores the whole. */
  @Column({ name: 'part_bytes', type: 'bigint', nullable: true, transformer: bigintAsNumber })
  partBytes: number | null;

  /** SHA-256 that the client announced, 64 hex digits. */
  @Column({ type: 'varchar', length: 64, nullable: true })
  checksum: string | null;

  /** Whether every URL that was given out takes only content of that checksum. */
  @Column({ name: 'checksum_bound', type: 'boolean', default: false })
  checksumBound: boolean;

  /** MD5 that the client announced, 32 hex digits. */
  @Column({ type: 'varchar', length: 32, nullable: true })
  md5: string | null;

  /** The provider's id of the multipart upload. */
  @Column({ name: 'multipart_id', type: 'text', nullable: true })
  multipartId: string | null;

  /** Acknowledged bytes that came through this server. */
  @Column({ name: 'received_bytes', type: 'bigint', default: 0, transformer: bigintAsNumber })
  receivedBytes: number;

  /** Object that holds acknowledged bytes which do not fill a part yet. */
  @Column({ name: 'tail_key', type: 'text', collation: 'C', nullable: true })
  tailKey: string | null;

  @Column({ name: 'tail_bytes', type: 'bigint', default: 0, transformer: bigintAsNumber })
  tailBytes: number;

  /** CRC-32 of the received bytes. */
  @Column({ type: 'bigint', nullable: true, transformer: bigintAsNumber })
  crc32: number | null;

  /** SHA-256 of the whole, once all of it came, if one process of this server saw all of it. */
  @Column({ name: 'computed_checksum', type: 'varchar', length: 64, nullable: true })
  computedChecksum: string | null;

  /** No number is given to two attempts at a part: what one sent that was given up cannot land on another's. */
  @Column({ name: 'next_part', type: 'integer', default: 1 })
  nextPart: number;

  /** The file that gets this content as a new version. */
  @Column({ name: 'replaces_file_id', type: 'integer', nullable: true })
  replacesFileId: number | null;

  /** The file that it became. */
  @Column({ name: 'file_id', type: 'integer', nullable: true })
  fileId: number | null;

  /** The request that writes now; others wait or are refused until `locked_until`. */
  @Column({ name: 'locked_by', type: 'uuid', nullable: true })
  lockedBy: string | null;

  @Column({ name: 'locked_until', type: 'timestamptz', nullable: true })
  lockedUntil: Date | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'expires_at', type: 'timestamptz' })
  expiresAt: Date;

  @Column({ name: 'ended_at', type: 'timestamptz', nullable: true })
  endedAt: Date | null;
}
