import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { CloudConfig } from '../credentials/cloud-config.entity.js';
import { bigintAsNumber } from '../database/column-types.js';
import type { ProviderName } from '../storage-providers/storage-provider.js';
import { type ChecksumSource, CloudFile } from './cloud-file.entity.js';

/** An earlier content of a file: its object stays until the version is given up. */
@Entity('file_versions')
@Index('file_versions_object_key', ['cloudConfigId', 'objectKey'], { unique: true })
@Index('file_versions_version', ['fileId', 'version'], { unique: true })
@Index('file_versions_deleting', ['id'], { where: "state = 'deleting'" })
export class FileVersion {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'file_versions_pkey' })
  id: number;

  @Column({ name: 'file_id', type: 'integer' })
  fileId: number;

  @ManyToOne(() => CloudFile)
  @JoinColumn({ name: 'file_id', foreignKeyConstraintName: 'file_versions_file_id_fkey' })
  file?: Relation<CloudFile>;

  @Column({ name: 'user_id', type: 'integer' })
  userId: number;

  /** From 1; what the file's own `version` was while this was its content. */
  @Column({ type: 'integer' })
  version: number;

  @Column({ name: 'cloud_config_id', type: 'integer' })
  cloudConfigId: number;

  @ManyToOne(() => CloudConfig)
  @JoinColumn({ name: 'cloud_config_id', foreignKeyConstraintName: 'file_versions_cloud_config_id_fkey' })
  cloudConfig?: Relation<CloudConfig>;

  @Column({ name: 'object_key', type: 'text', collation: 'C' })
  objectKey: string;

  @Column({ name: 'file_size', type: 'bigint', transformer: bigintAsNumber })
  fileSize: number;

  @Column({ name: 'cloud_url', type: 'text' })
  cloudUrl: string;

  @Column({ type: 'varchar', length: 20 })
  provider: ProviderName;

  @Column({ type: 'varchar', length: 64, nullable: true })
  checksum: string | null;

  @Column({ name: 'checksum_source', type: 'varchar', length: 8 })
  checksumSource: ChecksumSource;

  @Column({ type: 'bigint', nullable: true, transformer: bigintAsNumber })
  crc32: number | null;

  @Column({ name: 'content_type', type: 'varchar', length: 255 })
  contentType: string;

  @Column({ type: 'varchar', length: 255, nullable: true })
  etag: string | null;

  /** deleting: invisible, its object goes first. */
  @Column({ type: 'varchar', length: 10, default: 'kept' })
  state: 'kept' | 'deleting';

  @Column({ name: 'uploaded_at', type: 'timestamptz' })
  uploadedAt: Date;

  @Column({ name: 'superseded_at', type: 'timestamptz', default: () => 'now()' })
  supersededAt: Date;

  /** Since when its object is not in the bucket, as far as a complete listing tells. */
  @Column({ name: 'missing_since', type: 'timestamptz', nullable: true })
  missingSince: Date | null;
}
