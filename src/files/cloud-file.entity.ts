import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { CloudConfig } from '../credentials/cloud-config.entity.js';
import { bigintAsNumber } from '../database/column-types.js';
import type { ProviderName } from '../storage-providers/storage-provider.js';
import { LocalFile } from '../sync-settings/local-file.entity.js';

/**
 * pending: being uploaded, invisible. stored: whole and acknowledged. trashed: can be undeleted. deleting: invisible,
 * its objects go first.
 */
export type FileState = 'pending' | 'stored' | 'trashed' | 'deleting';

/** Who computed a file's checksum: this server, the provider that compared it, or the client that announced it. */
export type ChecksumSource = 'server' | 'provider' | 'client';

@Entity('cloud_files')
@Index('cloud_files_object_key', ['cloudConfigId', 'objectKey'], { unique: true })
@Index('cloud_files_listing', { synchronize: false })
@Index('cloud_files_by_time', ['userId', 'uploadedAt', 'id'], { where: "state = 'stored'" })
@Index('cloud_files_by_size', ['userId', 'fileSize', 'id'], { where: "state = 'stored'" })
@Index('cloud_files_by_name', ['userId', 'filename', 'id'], { where: "state = 'stored'" })
@Index('cloud_files_by_folder', { synchronize: false })
@Index('cloud_files_by_type', { synchronize: false })
@Index('cloud_files_tags', { synchronize: false })
@Index('cloud_files_checksum', { synchronize: false })
@Index('cloud_files_name_search', { synchronize: false })
@Index('cloud_files_protected', { synchronize: false })
@Index('cloud_files_missing', { synchronize: false })
@Index('cloud_files_trash', ['userId', 'trashedAt', 'id'], { where: "state = 'trashed'" })
@Index('cloud_files_local_file_id', ['localFileId'], { where: 'local_file_id IS NOT NULL' })
@Index('cloud_files_unfinished', ['state', 'id'], { where: "state IN ('pending', 'deleting')" })
export class CloudFile {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'cloud_files_pkey' })
  id: number;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  @Column({ name: 'local_file_id', type: 'integer', nullable: true })
  localFileId: number | null;

  @ManyToOne(() => LocalFile, { onDelete: 'SET NULL' })
  @JoinColumn({ name: 'local_file_id', foreignKeyConstraintName: 'cloud_files_local_file_id_fkey' })
  localFile?: Relation<LocalFile>;

  @Column({ type: 'varchar', length: 255 })
  filename: string;

  @Column({ name: 'file_size', type: 'bigint', transformer: bigintAsNumber })
  fileSize: number;

  @Column({ name: 'cloud_url', type: 'text' })
  cloudUrl: string;

  @Column({ type: 'varchar', length: 20 })
  provider: ProviderName;

  /** SHA-256 of the content, 64 hex digits. */
  @Column({ type: 'varchar', length: 64, nullable: true })
  checksum: string | null;

  @Column({ name: 'uploaded_at', type: 'timestamp', nullable: true, default: () => 'now()' })
  uploadedAt: Date;

  @Column({ name: 'last_accessed', type: 'timestamp', nullable: true })
  lastAccessed: Date | null;

  /** The configuration that wrote it: reads follow the row, not the active configuration. */
  @Column({ name: 'cloud_config_id', type: 'integer' })
  cloudConfigId: number;

  @ManyToOne(() => CloudConfig)
  @JoinColumn({ name: 'cloud_config_id', foreignKeyConstraintName: 'cloud_files_cloud_config_id_fkey' })
  cloudConfig?: Relation<CloudConfig>;

  @Column({ name: 'object_key', type: 'text', collation: 'C' })
  objectKey: string;

  @Column({ name: 'content_type', type: 'varchar', length: 255, default: 'application/octet-stream' })
  contentType: string;

  @Column({ type: 'varchar', length: 255, nullable: true })
  etag: string | null;

  @Column({ type: 'varchar', length: 10, default: 'stored' })
  state: FileState;

  /** The provider's multipart upload while the file is pending. */
  @Column({ name: 'upload_id', type: 'text', nullable: true })
  uploadId: string | null;

  /** CRC-32 of the content: cheap enough to check on every download. */
  @Column({ type: 'bigint', nullable: true, transformer: bigintAsNumber })
  crc32: number | null;

  /** '' for the top, otherwise a path that ends with a slash: `photos/2026/`. */
  @Column({ type: 'text', default: '' })
  folder: string;

  @Column({ type: 'text', array: true, default: '{}' })
  tags: string[];

  /** Retention leaves it alone, and nobody deletes it before this is taken back. */
  @Column({ type: 'boolean', default: false })
  protected: boolean;

  /** From 1; grows with each new content. */
  @Column({ type: 'integer', default: 1 })
  version: number;

  @Column({ name: 'checksum_source', type: 'varchar', length: 8, default: 'server' })
  checksumSource: ChecksumSource;

  @Column({ name: 'trashed_at', type: 'timestamptz', nullable: true })
  trashedAt: Date | null;

  @Column({ name: 'trashed_by', type: 'varchar', length: 9, nullable: true })
  trashedBy: 'user' | 'retention' | null;

  /** When it last came out of the trash: retention counts its age from there. */
  @Column({ name: 'restored_at', type: 'timestamptz', nullable: true })
  restoredAt: Date | null;

  /** Since when its object is not in the bucket, as far as a complete listing tells. */
  @Column({ name: 'missing_since', type: 'timestamptz', nullable: true })
  missingSince: Date | null;
}
